// The laws that every recording obeys. In: `report --json`. Out: failed expectations.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>

#include <boost/json.hpp>

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

/// Each thread's states add up to its wall time within 1 %.
inline void expect_time_adds_up(const boost::json::object& report) {
  const boost::json::array& threads = report.at("threads").as_array();
  EXPECT_FALSE(threads.empty());
  for (const boost::json::value& value : threads) {
    const boost::json::object& thread = value.as_object();
    const boost::json::object& ns = thread.at("ns").as_object();
    double sum = number(ns.at("running"));
    for (const char* state : {"runnable", "blocked"}) {
      for (const auto& reason : ns.at(state).as_object()) sum += number(reason.value());
    }
    const double wall = number(thread.at("to_ns")) - number(thread.at("from_ns"));
    EXPECT_NEAR(sum, wall, 0.01 * wall) << boost::json::serialize(thread);
  }
}

}  // namespace fanlight::testing
