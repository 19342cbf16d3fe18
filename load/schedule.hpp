// The open loop. In: phases. Out: when each message is due, whatever the server does.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "load/phase.hpp"

namespace fanlight::load {

/// Messages are numbered from 0 through all phases. Due times never drift: each is computed from the start of its
/// phase, not from the message before it. In a phase that begins at s, message j of it is due at
///   steady: s + j / rate; ramp: when the rate's integral reaches j; burst: s + floor(j / burst) * every.
/// Threads: one at a time. Cost: due_ns O(phases).
class Schedule {
 public:
  explicit Schedule(std::uint64_t start_ns) : end_ns_(start_ns) {}

  /// Begins when the last one ends.
  void append(const Phase& phase);
  /// From `now_ns` on, `phase` until the end that was planned, instead of what was.
  void replace(std::uint64_t now_ns, Phase phase);
  /// Nothing falls due at `end_ns` or later.
  void set_end(std::uint64_t end_ns);

  std::uint64_t due_ns(std::uint64_t k) const;
  /// Index of the phase that message k belongs to, counted from 0 as they were appended.
  std::size_t phase_of(std::uint64_t k) const;
  std::uint64_t count_in_phase(std::size_t index) const;
  /// The phase that `time_ns` falls into, the last one after the end; and its messages per second then.
  std::size_t phase_at(std::uint64_t time_ns) const;
  double rate_at(std::uint64_t time_ns) const;
  /// Messages due before the end.
  std::uint64_t count() const;
  /// The number of messages due before `time_ns`.
  std::uint64_t count_before(std::uint64_t time_ns) const;
  std::uint64_t end_ns() const { return end_ns_; }

 private:
  struct Segment {
    std::uint64_t start_ns;
    std::uint64_t first;  // message
    std::uint64_t count;
    std::size_t index;  // of the phase
    Phase phase;

    std::uint64_t due_ns(std::uint64_t j) const;
    std::uint64_t count_before(std::uint64_t time_ns) const;
  };

  const Segment& segment_of(std::uint64_t k) const;
  const Segment& segment_at(std::uint64_t time_ns) const;

  std::vector<Segment> segments_;
  std::uint64_t end_ns_;
  std::size_t phases_ = 0;
};

}  // namespace fanlight::load
