// Labels of a live program as the kernel programs read them, beside what the program measured itself.
#include <gtest/gtest.h>

#include <map>

#include "collector/profile/label_totals.hpp"
#include "collector/profile/view.hpp"
#include "collector/session/session.hpp"
#include "tests/child.hpp"

namespace fanlight::session {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kRounds = 40;
constexpr std::uint64_t kMs = 1'000'000;

bool has(const profile::Labels& labels, const std::string& key, const std::string& value) {
  return std::find(labels.begin(), labels.end(), std::pair(key, value)) != labels.end();
}

TEST(Labels, OfALiveProgramAddUpToItsTime) {
  testing::Child program({TRUTH_LABELS, std::to_string(kRounds)});
  ASSERT_FALSE(program.await("ready").empty()) << program.err();
  auto session = Session::attach({.pid = program.pid(), .sample_hz = 499, .slice = 500ms, .inprocess = false});
  ASSERT_TRUE(session) << session.error().what;
  program.send("go");
  std::map<std::string, std::uint64_t> slept;
  for (const char* topic : {"news", "sport"}) {
    std::string told;
    while ((told = program.await(std::string(topic) + " ", 1ms)).empty() && program.running())
      ASSERT_TRUE(session->step(100ms));
    ASSERT_FALSE(told.empty()) << program.err();
    slept[topic] = std::stoull(told);
  }
  ASSERT_TRUE(session->flush());
  const profile::Profile profile = session->query(0, ~std::uint64_t{0});
  for (const LedgerEntry& entry : profile.ledger) EXPECT_EQ(entry.balance(), 0) << entry.source;

  constexpr auto kSleep = static_cast<std::size_t>(Reason::sleep);
  std::map<std::string, std::uint64_t> seen;
  std::map<profile::ThreadId, std::uint64_t> labelled;
  std::uint64_t beyond = 0;
  for (const profile::LabelTime& time : profile.label_times) {
    labelled[time.thread] += time.ns[kSleep];
    EXPECT_EQ(time.ns[FANLIGHT_RUNNING], 0u);
    for (const auto& [key, value] : profile.labels.at(time.labels)) {
      EXPECT_NE(key, profile::kTraceKey);
      if (key == "topic") seen[value] += time.ns[kSleep];
      if (key == "labels") beyond += time.ns[kSleep];
    }
  }
  for (const char* topic : {"news", "sport"}) {
    SCOPED_TRACE(topic);
    // The program's clock has the wait for a CPU in it as well.
    EXPECT_LE(seen[topic], slept[topic]);
    EXPECT_GE(seen[topic], kRounds * 10 * kMs * 99 / 100);
  }
  // The thread with more sets than there is room for: what it waited is there, under one name.
  EXPECT_GT(beyond, 10 * 3 * kMs);
  for (const auto& [thread, ns] : labelled) {
    const profile::Thread& whole = profile.threads.at(thread);
    EXPECT_LE(ns, whole.ns[kSleep]) << whole.tid;
  }
  for (const profile::View view : {profile::View::on_cpu, profile::View::off_cpu, profile::View::runnable})
    EXPECT_EQ(profile::view(profile, view, true).total(), profile::view(profile, view, false).total());

  std::uint64_t running = 0, with_topic = 0, with_trace = 0, asleep = 0;
  for (const profile::SampleRow& row : profile.samples) {
    const profile::Labels& labels = profile.labels.at(row.labels);
    const bool topic = has(labels, "topic", "news") || has(labels, "topic", "sport");
    if (row.sampler == Sampler::kernel_blocked && row.reason == Reason::sleep && topic) asleep += row.count;
    if (row.sampler != Sampler::kernel_cpu) continue;
    running += row.count;
    with_topic += topic ? row.count : 0;
    with_trace += has(labels, profile::kTraceKey, "0af7651916cd43dd8448eb211c80319c") ? row.count : 0;
  }
  // It spins under a topic and a trace, and elsewhere only enters and leaves system calls.
  ASSERT_GT(running, 20u);
  EXPECT_GT(with_topic, running * 3 / 4);
  EXPECT_EQ(with_trace, with_topic);
  EXPECT_GT(asleep, 0u);
  const auto missed = std::find_if(profile.ledger.begin(), profile.ledger.end(),
                                   [](const LedgerEntry& entry) { return entry.source == "scheduler"; });
  ASSERT_NE(missed, profile.ledger.end());
  EXPECT_GT(missed->missed.at("labels: too many sets of one thread to time apart"), 0u);
}

}  // namespace
}  // namespace fanlight::session
