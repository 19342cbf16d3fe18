// Distributions of times. In: a profile. Out: named histograms, comparable on one axis.
#pragma once

#include <string>
#include <vector>

#include "collector/profile/profile.hpp"

namespace fanlight::ui {

struct NamedHistogram {
  std::string group;  // "latency", "scheduler", "locks", "maps"
  std::string name;   // "delivery latency", "routes lookup"
  KernelHistogram histogram;
};

/// Every distribution that the profile holds: what the target and the kernel measure, waits for a CPU, for locks, map
/// and registry operations. Within a group the most frequent first; empty ones are left out. Cost: O(rows * buckets).
std::vector<NamedHistogram> histograms(const profile::Profile& profile);

/// What stands in [low_ns, high_ns): an estimate where a bucket is cut by a bound, by the share of it that is inside.
double count_between(const KernelHistogram& histogram, double low_ns, double high_ns);

}  // namespace fanlight::ui
