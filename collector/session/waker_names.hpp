// Who woke a thread, in words. In: a tid. Out: "by worker-1", for the root of the waker's stack.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <unordered_map>

#include "collector/profile/window.hpp"

namespace fanlight::session {

/// Threads: one. Cost: a hash look-up; a read of /proc the first time a tid is met, and once in a while again.
class WakerNames {
 public:
  /// `tid` 0: an interrupt.
  std::string of(pid_t tid, const profile::Tables& tables);

 private:
  struct Known {
    std::string words;
    unsigned uses = 0;
  };
  std::unordered_map<pid_t, Known> known_;
};

}  // namespace fanlight::session
