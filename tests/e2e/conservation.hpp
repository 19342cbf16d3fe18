// The laws that every recording obeys. In: `report --json`, a witness. Out: failed expectations.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include <boost/json.hpp>

#include "tests/e2e/witness.hpp"

namespace fanlight::testing {

inline double number(const boost::json::value& value) { return value.to_number<double>(); }

/// Every entry closes to exactly zero. Returns what was dropped in all.
inline std::uint64_t expect_closed_ledger(const boost::json::object& report) {
  std::uint64_t dropped = 0;
  EXPECT_FALSE(report.at("ledger").as_array().empty());
  for (const boost::json::value& value : report.at("ledger").as_array()) {
    const boost::json::object& entry = value.as_object();
    std::int64_t balance =
        entry.at("produced").to_number<std::int64_t>() - entry.at("delivered").to_number<std::int64_t>();
    for (const auto& cause : entry.at("dropped").as_object()) {
      balance -= cause.value().to_number<std::int64_t>();
      dropped += cause.value().to_number<std::uint64_t>();
    }
    EXPECT_EQ(balance, 0) << boost::json::serialize(entry);
  }
  return dropped;
}

/// The report's window lies where the test's own clock saw it: it opens after `before_ns` and no later than `open_ns`,
/// and closes before `after_ns`.
inline void expect_window_within(const boost::json::object& report, double before_ns, double open_ns, double after_ns) {
  const boost::json::object& window = report.at("window").as_object();
  EXPECT_GT(number(window.at("from_ns")), before_ns);
  EXPECT_LE(number(window.at("from_ns")), open_ns);
  EXPECT_LT(number(window.at("to_ns")), after_ns);
}

/// Each thread's states add up to the time that it lived in the window within 1 %, and those in which it wanted a CPU
/// to what the scheduler says of it. For targets whose threads outlive the window.
inline void expect_time_adds_up(const boost::json::object& report, Witness& witness) {
  witness.stop();
  const double from = number(report.at("window").as_object().at("from_ns"));
  const double to = number(report.at("window").as_object().at("to_ns"));
  const boost::json::array& threads = report.at("threads").as_array();
  EXPECT_FALSE(threads.empty());
  double busy_of_all = 0;
  for (const boost::json::value& value : threads) {
    const boost::json::object& thread = value.as_object();
    SCOPED_TRACE(boost::json::serialize(thread));
    const boost::json::object& ns = thread.at("ns").as_object();
    double busy = number(ns.at("running")), blocked = 0;
    const boost::json::object& runnable = ns.at("runnable").as_object();
    for (const auto& reason : runnable) busy += number(reason.value());
    const double waking = runnable.contains("waking") ? number(runnable.at("waking")) : 0;
    for (const auto& reason : ns.at("blocked").as_object()) blocked += number(reason.value());

    const pid_t tid = thread.at("tid").to_number<pid_t>();
    const auto started = started_ns(witness.pid(), tid);
    ASSERT_TRUE(started) << "the report names a thread that the target does not have";
    const double lived = to - std::max(from, *started);
    EXPECT_NEAR(busy + blocked, lived, 0.01 * lived);

    const auto witnessed = witness.busy_ns(tid, from, to);
    ASSERT_TRUE(witnessed) << "the window is wider than what was witnessed";
    // The scheduler's waiting begins at the wakeup, ours at the waking before it. It brings its account up to date at
    // ticks and switches: 4 ms at 250 Hz, at either end.
    EXPECT_NEAR(busy - waking, *witnessed, 0.03 * *witnessed + 8e6);
    busy_of_all += busy;
  }
  EXPECT_GT(busy_of_all, 0.05 * (to - from)) << "an idle target proves nothing about busy time";
}

}  // namespace fanlight::testing
