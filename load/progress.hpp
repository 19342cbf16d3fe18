// The figure in the progress line. In: deliveries and times. Out: deliveries per second.
#pragma once

#include <algorithm>
#include <cstdint>

namespace fanlight::load {

/// Of `delivered` measured messages since the last line at `told_ns`. Nothing is counted before `measure_from_ns`, so
/// that time is not divided by either. 0 until the measurement has begun. All times CLOCK_MONOTONIC.
inline double deliveries_per_second(std::uint64_t delivered, std::uint64_t now_ns, std::uint64_t told_ns,
                                    std::uint64_t measure_from_ns) {
  const std::uint64_t from_ns = std::max(told_ns, measure_from_ns);
  if (now_ns <= from_ns) return 0;
  return static_cast<double>(delivered) / std::max(static_cast<double>(now_ns - from_ns) / 1e9, 1e-3);
}

}  // namespace fanlight::load
