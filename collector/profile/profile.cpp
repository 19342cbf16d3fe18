#include "collector/profile/profile.hpp"

#include <numeric>

namespace fanlight::profile {

PerReason totals(const Profile& profile) {
  PerReason all{};
  for (const Thread& thread : profile.threads) {
    for (std::size_t reason = 0; reason < kReasons; ++reason) all[reason] += thread.ns[reason];
  }
  return all;
}

std::uint64_t sum(const PerReason& ns) { return std::accumulate(ns.begin(), ns.end(), std::uint64_t{0}); }

}  // namespace fanlight::profile
