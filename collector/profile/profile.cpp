#include "collector/profile/profile.hpp"

#include <numeric>
#include <vector>

namespace fanlight::profile {

PerReason totals(const Profile& profile) {
  PerReason all{};
  for (const Thread& thread : profile.threads) {
    for (std::size_t reason = 0; reason < kReasons; ++reason) all[reason] += thread.ns[reason];
  }
  return all;
}

std::uint64_t sum(const PerReason& ns) { return std::accumulate(ns.begin(), ns.end(), std::uint64_t{0}); }

Labels without_trace(const Labels& labels) {
  Labels base = labels;
  std::erase_if(base, [](const auto& label) { return label.first == kTraceKey; });
  return base;
}

}  // namespace fanlight::profile
