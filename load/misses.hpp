// Percentiles of what should have come, not only of what came. In: latencies, a number of misses. Out: percentiles.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include "core/histogram.hpp"

namespace fanlight::load {

/// 256 buckets per power of two: a percentile is at most 0.4 % above the truth.
using Latencies = Histogram<8>;
inline constexpr double kHistogramError = 1.0 / 256;

/// The value of rank ceil(fraction * (count + misses)), where a miss is later than everything that came. Empty: the
/// rank falls to a miss, or there is nothing. Source: the open-loop definition of latency, where what never arrives is
/// infinitely late.
inline std::optional<std::uint64_t> percentile_with_misses(const Latencies& latencies, std::uint64_t misses,
                                                           double fraction) {
  const std::uint64_t count = latencies.count();
  if (count == 0) return std::nullopt;
  const double all = static_cast<double>(count + misses);
  const double rank = std::clamp(std::ceil(fraction * all), 1.0, all);
  if (rank > static_cast<double>(count)) return std::nullopt;
  // Half a rank less, which rounds up to it: the quotient alone may round to the next one.
  return latencies.percentile((rank - 0.5) / static_cast<double>(count));
}

}  // namespace fanlight::load
