#include "collector/serve/metrics.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace fanlight::serve {
namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, SayEveryCounterOnceWithItsLabels) {
  profile::Profile profile;
  profile.target = {.pid = 42, .name = "toy"};
  profile::Thread thread{.tid = 7, .name = "worker"};
  thread.ns[static_cast<std::size_t>(Reason::futex)] = 1'500'000'000;
  thread.socket = {.writes = 10, .bytes = 1280, .would_block = 2, .errors = 4, .by_errno = {{EPIPE, 3}}};
  thread.run_queue_ns.add(1000);
  thread.run_queue_ns.add(100'000);
  profile.threads.push_back(thread);
  profile.ledger.push_back({.source = "on-cpu samples", .produced = 5, .delivered = 3, .dropped = {{"ring full", 2}}});
  profile.metrics.push_back({.name = "deliveries", .kind = profile::Metric::Kind::counter, .value = 99});
  profile.registries.push_back({.registry = "mutex", .operation = "lookup", .count = 4, .wait_ns = 2'000'000'000});
  const std::string text = metrics_text(profile);
  for (const char* line :
       {"fanlight_thread_seconds_total{thread=\"worker\",tid=\"7\",state=\"blocked\",reason=\"futex\"} 1.5",
        "fanlight_socket_writes_total{thread=\"worker\",tid=\"7\"} 10",
        "fanlight_socket_write_bytes_total{thread=\"worker\",tid=\"7\"} 1280",
        "fanlight_socket_write_errors_total{thread=\"worker\",tid=\"7\",errno=\"EPIPE\"} 3",
        "fanlight_socket_write_errors_total{thread=\"worker\",tid=\"7\",errno=\"unknown\"} 1",
        "fanlight_ledger_dropped_total{source=\"on-cpu samples\",cause=\"ring full\"} 2",
        "fanlight_registry_wait_seconds_total{registry=\"mutex\",shard=\"0\",operation=\"lookup\"} 2",
        "fanlight_target_deliveries_total 99", "fanlight_run_queue_seconds_count 2",
        "fanlight_run_queue_seconds_bucket{le=\"+Inf\"} 2"}) {
    EXPECT_TRUE(has_line(text, line)) << line << "\nin\n" << text;
  }
}

}  // namespace
}  // namespace fanlight::serve
