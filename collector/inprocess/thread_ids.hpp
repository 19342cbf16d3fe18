// Thread ids of a target, from its PID namespace to ours. In: /proc/PID/task/*/status. Out: ids that the collector
// knows.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <unordered_map>

namespace fanlight::inprocess {

/// Threads: one at a time.
class ThreadIds {
 public:
  /// Cost: one read of /proc/PID/status.
  ThreadIds(pid_t pid, std::filesystem::path root);

  /// The thread that the target calls `inner`. A thread that ended before it was seen here: the target's own pid, so
  /// that its samples stay with the process. Cost: a look-up; where namespaces differ, a walk of the target's threads
  /// for an id not seen before, at most once between two calls of `allow_refresh`.
  pid_t translate(std::uint32_t inner);
  void allow_refresh() { may_refresh_ = true; }

 private:
  void refresh();

  pid_t pid_;
  std::filesystem::path root_;
  bool same_namespace_ = true;
  bool may_refresh_ = true;
  std::unordered_map<std::uint32_t, pid_t> outer_;
};

}  // namespace fanlight::inprocess
