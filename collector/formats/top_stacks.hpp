// The stacks that a specialist would name first. In: `Profile`. Out: the heaviest, idle waiting left out. For this room
// only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "collector/profile/profile.hpp"

namespace fanlight::formats {

struct TopStack {
  std::string state;                // "running", "blocked: futex"
  std::string thread;               // name
  std::vector<std::string> frames;  // root first, "tcp_sendmsg_[k]" for the kernel's
  std::uint64_t weight = 0;         // ns
  std::uint64_t count = 0;          // samples
  std::uint64_t margin = 0;         // ns: half of the 95 % confidence interval around `weight`
};

struct TopStacks {
  std::vector<TopStack> stacks;  // heaviest first
  std::uint64_t whole = 0;       // ns: wall time of all threads without idle
  std::uint64_t idle = 0;        // ns: see is_idle
  std::uint64_t unsampled = 0;   // ns of `whole` that no sample says anything about
};

/// Stacks that differ only in where within a function they are count as one. Cost: one wall view.
TopStacks top_stacks(const profile::Profile& profile, std::size_t most);

}  // namespace fanlight::formats
