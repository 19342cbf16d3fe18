// What a specialist would say first. In: `Profile`. Out: sentences: locks that threads wait for, then the heaviest
// cause first. Report and dashboard say the same.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collector/profile/profile.hpp"

namespace fanlight::formats {

struct Cause {
  double share = 0;        // of the time of the thread that it is about; 0 where it is about none
  std::uint64_t ns = 0;    // of all threads together that it holds for; what causes are ordered by
  std::string sentence;    // one line, without a stop
  bool of_a_lock = false;  // threads wait for one; such causes come before all others
};

/// "31.0 % of worker-1 is waiting for the lock at Hub::subscribers, held by worker-2"; threads that do the same are
/// told together, with the share of each where it is a lock. Waiting for something to do is no cause. At most `most`.
/// Cost: a wall view.
std::vector<Cause> causes(const profile::Profile& profile, std::size_t most = 6);

}  // namespace fanlight::formats
