// Which life of a thread a tid means now. In: samples and readings by tid. Out: thread ids of the model.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <unordered_map>

#include "collector/profile/window.hpp"

namespace fanlight::session {

/// Tids are reused; a thread of the model is one life. Threads: one, with the lock over `tables` held.
class Lives {
 public:
  /// The life that a sample of `tid` belongs to; begun without a name where no reading has spoken of it yet.
  profile::ThreadId of_sample(pid_t tid, profile::Tables& tables);
  /// The life that a reading speaks of: the one known, or a new one when the birth differs.
  profile::ThreadId of_reading(pid_t tid, std::uint64_t from_ns, const std::string& name, profile::Tables& tables);
  /// Names the life that samples began; others have their names from readings. Without one: nothing.
  void name(pid_t tid, const std::string& name, profile::Tables& tables);
  /// The next sample of `tid` belongs to another life.
  void ended(pid_t tid) { lives_.erase(tid); }

 private:
  struct Life {
    profile::ThreadId id = 0;
    std::uint64_t from_ns = 0;  // 0: only samples so far
  };
  std::unordered_map<pid_t, Life> lives_;
};

}  // namespace fanlight::session
