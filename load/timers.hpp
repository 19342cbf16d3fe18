// What a pool has to do later. In: a time, a connection, a reason. Out: what is due.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <queue>
#include <vector>

namespace fanlight::load {

struct Timer {
  enum class Kind : std::uint8_t { reconnect, read_again, reset, storm, dribble };

  std::uint64_t due_ns = 0;
  std::size_t index = 0;       // of the connection; storm: of the group
  std::uint64_t began_ns = 0;  // the connection's attempt that it was set for: of a later one it is void
  Kind kind = Kind::reconnect;

  bool operator>(const Timer& other) const { return due_ns > other.due_ns; }
};

/// Threads: one at a time. Cost: O(log n).
class Timers {
 public:
  void set(Timer timer) { queue_.push(timer); }
  /// One that is due, or nothing.
  std::optional<Timer> take(std::uint64_t now_ns) {
    if (queue_.empty() || queue_.top().due_ns > now_ns) return std::nullopt;
    const Timer timer = queue_.top();
    queue_.pop();
    return timer;
  }
  /// Until the next one is due, `most` at most.
  std::uint64_t wait_ns(std::uint64_t now_ns, std::uint64_t most) const {
    if (queue_.empty()) return most;
    const std::uint64_t due = queue_.top().due_ns;
    return due <= now_ns ? 0 : due - now_ns < most ? due - now_ns : most;
  }

 private:
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> queue_;
};

}  // namespace fanlight::load
