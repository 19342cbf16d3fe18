// TCP as the kernel keeps it, beside what a program and its clients did.
#include <gtest/gtest.h>

#include "collector/kernel/slow.hpp"
#include "tests/collector/kernel/recorded.hpp"

namespace fanlight::kernel {
namespace {

const MetricReading* metric(const Reading& reading, const std::string& name) {
  for (const MetricReading& one : reading.metrics)
    if (one.name == name) return &one;
  return nullptr;
}

double value(const Reading& reading, const std::string& name) {
  const MetricReading* found = metric(reading, name);
  return found == nullptr ? 0 : found->value;
}

std::uint64_t timed(const Reading& reading, const std::string& name) {
  const MetricReading* found = metric(reading, name);
  return found == nullptr ? 0 : found->histogram.count();
}

/// The last reading that still had connections, and the slowest of its clients.
struct Watched {
  std::string truth;
  Reading last;
  std::vector<ConnectionReading> fullest;
  std::vector<Form> forms;
};

Watched watch_peers() {
  Watched watched;
  testing::Child program({TRUTH_PEERS});
  EXPECT_FALSE(program.await("ready").empty()) << program.err();
  auto probes = Probes::attach({.pid = program.pid()});
  EXPECT_TRUE(probes) << probes.error().what;
  if (!probes) return watched;
  program.send("go");
  while (program.running()) {
    EXPECT_TRUE(probes->poll(std::chrono::milliseconds(50), [](RawSample&&) {}));
    auto reading = probes->read();
    EXPECT_TRUE(reading) << reading.error().what;
    if (!reading) return watched;
    if (!reading->connections.empty()) watched.fullest = reading->connections;
    watched.last = std::move(*reading);
  }
  // What its end brought about.
  auto reading = probes->read();
  EXPECT_TRUE(reading);
  if (reading) watched.last = std::move(*reading);
  watched.forms = probes->forms();
  watched.truth = program.out();
  return watched;
}

TEST(Network, CountsWhatThePeersDid) {
  const Watched watched = watch_peers();
  const std::string& truth = watched.truth;
  EXPECT_EQ(value(watched.last, "kernel_tcp_accepts"), number_in(truth, "accepts"));
  EXPECT_EQ(value(watched.last, "kernel_tcp_connects"), number_in(truth, "connects"));
  EXPECT_EQ(value(watched.last, "kernel_tcp_connects_failed"), number_in(truth, "refused"));
  EXPECT_EQ(timed(watched.last, "kernel_tcp_connect"), number_in(truth, "connects"));
  EXPECT_EQ(timed(watched.last, "kernel_tcp_handshake"), number_in(truth, "accepts"));
  // Who is refused is told so by a reset.
  EXPECT_EQ(value(watched.last, "kernel_tcp_resets_received"),
            number_in(truth, "resets_by_peers") + number_in(truth, "refused"));
  EXPECT_GE(value(watched.last, "kernel_tcp_resets_sent"), number_in(truth, "resets"));
}

TEST(Network, NamesTheClientThatDoesNotRead) {
  const Watched watched = watch_peers();
  const std::string peer = "127.0.0.1:" + std::to_string(static_cast<int>(number_in(watched.truth, "slow_port")));
  std::size_t slow = 0;
  for (const ConnectionReading& one : watched.fullest) {
    SCOPED_TRACE(one.peer);
    slow += is_slow(one) ? 1 : 0;
    EXPECT_EQ(is_slow(one), one.peer == peer);
    if (one.peer != peer) continue;
    EXPECT_GT(one.queued_bytes, 100'000u);
    EXPECT_GT(one.stalled_ns, 1'000'000'000u);
    // The kernel's own account of why, in its ticks.
    EXPECT_GT(static_cast<double>(one.peer_limited_ns), 0.8 * static_cast<double>(one.stalled_ns));
    EXPECT_LE(one.peer_limited_ns, one.busy_ns);
    EXPECT_GT(one.rtt_ns, 0u);
  }
  EXPECT_EQ(slow, 1u);
}

TEST(Network, TimesWritesInWindows) {
  const Watched watched = watch_peers();
  std::string form;
  for (const Form& one : watched.forms) {
    if (one.probe != "write timing") continue;
    form = one.form;
    ASSERT_NE(form, "none") << one.why;
  }
  EXPECT_GT(timed(watched.last, "kernel_tcp_write_acknowledged"), 10u);
  EXPECT_GE(value(watched.last, "kernel_tcp_writes_timed"), timed(watched.last, "kernel_tcp_write_acknowledged"));
  if (form.find("alone") == std::string::npos) {
    EXPECT_GT(timed(watched.last, "kernel_tcp_write"), 10u);
  }
}

}  // namespace
}  // namespace fanlight::kernel
