// A log-linear histogram. In: non-negative integers, usually ns. Out: counts and percentiles with a known error.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "bpf/log_linear.h"

namespace fanlight {

/// Counts values in 2^Bits buckets per power of two: a percentile is at most 2^-Bits (relative) above the truth.
/// Bits 3: 12.5 %, as the kernel counts. Bits 7: 0.8 %, as the load tester counts. Grows as values need it.
/// Threads: one at a time. Cost: add O(1); percentile O(buckets).
template <unsigned Bits>
class Histogram {
 public:
  static constexpr unsigned kBits = Bits;

  Histogram() = default;

  /// From counts made elsewhere with the same number of bits; the sum is estimated from the bucket middles.
  template <class Count>
  static Histogram from_counts(std::span<const Count> counts) {
    Histogram histogram;
    histogram.counts_.assign(counts.begin(), counts.end());
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] == 0) continue;
      histogram.count_ += counts[i];
      const double low = static_cast<double>(fanlight_bucket_low(static_cast<unsigned>(i), Bits));
      const double high = static_cast<double>(fanlight_bucket_low(static_cast<unsigned>(i) + 1, Bits));
      histogram.sum_ += (low + high - 1) / 2 * static_cast<double>(counts[i]);
      histogram.max_ = static_cast<std::uint64_t>(high) - 1;
    }
    return histogram;
  }

  void add(std::uint64_t value, std::uint64_t times = 1) {
    if (times == 0) return;
    const std::size_t bucket = fanlight_bucket(value, Bits);
    if (bucket >= counts_.size()) counts_.resize(bucket + 1);
    counts_[bucket] += times;
    count_ += times;
    sum_ += static_cast<double>(value) * static_cast<double>(times);
    max_ = std::max(max_, value);
  }

  void merge(const Histogram& other) {
    if (other.counts_.size() > counts_.size()) counts_.resize(other.counts_.size());
    for (std::size_t i = 0; i < other.counts_.size(); ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    sum_ += other.sum_;
    max_ = std::max(max_, other.max_);
  }

  /// The highest value of the bucket that holds the value of rank ceil(fraction * count), at most `max()`. Empty: 0.
  std::uint64_t percentile(double fraction) const {
    if (count_ == 0) return 0;
    const auto rank = static_cast<std::uint64_t>(
        std::clamp(std::ceil(fraction * static_cast<double>(count_)), 1.0, static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= rank)
        return std::min<std::uint64_t>(max_, fanlight_bucket_low(static_cast<unsigned>(i) + 1, Bits) - 1);
    }
    return max_;
  }

  std::uint64_t count() const { return count_; }
  std::uint64_t max() const { return max_; }
  double sum() const { return sum_; }
  double mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }
  /// One count per bucket, bucket 0 first; buckets above the largest value seen are left out.
  std::span<const std::uint64_t> counts() const { return counts_; }

 private:
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

/// What the kernel programs and the recording count in.
using KernelHistogram = Histogram<3>;

}  // namespace fanlight
