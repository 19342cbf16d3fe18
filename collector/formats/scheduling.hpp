// Who keeps threads waiting, and who lets them go on. In: a profile. Out: rows for the report.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collector/profile/profile.hpp"

namespace fanlight::formats {

/// Threads of one name that were woken by one waker, for one reason.
struct Waker {
  std::string thread;
  Reason reason = Reason::other;
  std::string by;           // "by worker-1", "by an interrupt"
  std::string where;        // the waker's innermost function that is its own; empty: it has no stack, or no names
  std::uint64_t ns = 0;     // that the threads had waited
  std::uint64_t count = 0;  // wake-ups
};

/// Most wake-ups first. Both are estimates from samples. Cost: O(samples).
std::vector<Waker> wakers(const profile::Profile& profile);

struct Preemptor {
  std::string thread;
  std::string by;
  std::uint64_t count = 0;
  std::uint64_t ns = 0;
};

/// Exact; longest first. Threads of one name are joined.
std::vector<Preemptor> preemptors(const profile::Profile& profile);

}  // namespace fanlight::formats
