// The run second by second. In: the live figures. Out: what happened since they were last looked at.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "load/report.hpp"
#include "load/shared.hpp"

namespace fanlight::load {

/// Threads: one at a time.
class Timeline {
 public:
  explicit Timeline(const Shared& shared) : shared_(shared), counts_(LivePool::kBuckets), look_(LivePool::kBuckets) {}

  /// What was received since the last call, or since the measurement began at `from_ns`.
  Second take(std::uint64_t now_ns, std::uint64_t from_ns);

 private:
  const Shared& shared_;
  std::uint64_t told_ns_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t published_ = 0;
  std::uint64_t cuts_ = 0;
  std::vector<std::uint64_t> counts_;  // of the latency buckets, all pools
  std::vector<std::uint64_t> look_;
};

/// "10.0 s of 1 m: 84.2k deliveries/s, p50 1.2 ms, p99 4.5 ms, 1000 of 1000 streaming".
std::string progress_line(const Second& second, std::uint64_t gone_ns, std::uint64_t total_ns, const Shared& shared,
                          unsigned subscribers);

}  // namespace fanlight::load
