// How whole a profile's stacks are, and what they were walked by. In: a profile. Out: counts for each sampler.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "collector/profile/profile.hpp"

namespace fanlight::profile {

/// Counted over the samples of one sampler of whose stacks it is told how their frames were found; what has no stack in
/// user space is not among them.
struct StackQuality {
  Sampler sampler = Sampler::kernel_cpu;
  std::uint64_t stacks = 0;                      // whole + cut + open
  std::uint64_t whole = 0;                       // the thread's entry was reached
  std::uint64_t cut = 0;                         // callers are missing
  std::uint64_t open = 0;                        // by frame pointers alone, whose chain ended, at the entry or before
  std::map<std::string, std::uint64_t> cut_why;  // by the marker in place of the callers
  std::array<std::uint64_t, kFrameFounds> frames{};  // user frames by FrameFound
  /// Modules whose callers were found by frame pointer or scan, the most frequent first.
  std::vector<std::pair<std::string, std::uint64_t>> without_rules;

  std::uint64_t frames_of(FrameFound found) const { return frames[static_cast<std::size_t>(found)]; }
  std::uint64_t all_frames() const;
};

/// Samplers in the order of their numbers, those without such samples left out. Cost: O(samples' frames).
std::vector<StackQuality> stack_quality(const Profile& profile);

}  // namespace fanlight::profile
