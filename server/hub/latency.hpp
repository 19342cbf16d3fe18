// How late messages leave. In: deliveries. Out: a histogram, for one clock read per batch of sends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "collector/inprocess/inprocess.hpp"
#include "core/histogram.hpp"

namespace fanlight::server::hub {

/// Collects deliveries until `close`, which charges them all the same instant: latency is overstated by what the batch
/// took, a few tens of microseconds. A clock read per delivery would cost 2 % of it. Threads: the owning worker's only.
class LatencyBatch {
 public:
  static constexpr unsigned kSends = 16;  // that share one clock read

  /// One delivery of a message published at that time. Cost: a few ns.
  void add(std::uint64_t published_ns) {
    // Sessions get the same messages in the same order, so the entry after the last one is the best guess.
    if (guess_ >= entries_.size()) guess_ = 0;
    if (guess_ < entries_.size() && entries_[guess_].published_ns == published_ns) {
      ++entries_[guess_++].deliveries;
      return;
    }
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].published_ns != published_ns) continue;
      ++entries_[i].deliveries;
      guess_ = i + 1;
      return;
    }
    entries_.push_back({.published_ns = published_ns, .deliveries = 1});
    guess_ = entries_.size();
  }

  std::size_t messages() const { return entries_.size(); }

  /// Every delivery goes into all of them.
  void close(std::uint64_t now_ns, std::initializer_list<KernelHistogram*> histograms,
             inprocess::HistogramMetric& shared) {
    for (const Entry& entry : entries_) {
      const std::uint64_t ns = now_ns > entry.published_ns ? now_ns - entry.published_ns : 0;
      for (KernelHistogram* histogram : histograms) histogram->add(ns, entry.deliveries);
      shared.record(ns, entry.deliveries);
    }
    entries_.clear();
  }

 private:
  struct Entry {
    std::uint64_t published_ns;
    std::uint64_t deliveries;
  };
  std::vector<Entry> entries_;
  std::size_t guess_ = 0;
};

}  // namespace fanlight::server::hub
