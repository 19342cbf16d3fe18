// Who is still to connect, and when. In: how many of each group are missing, a pace. Out: whose turn it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>

namespace fanlight::load {

/// Threads: one at a time.
class Arrivals {
 public:
  /// So many of each group, alternating: all groups meet the server in the same order and load.
  void plan(std::span<const unsigned> missing);
  /// One more, behind all others.
  void add(std::uint8_t group);
  bool empty() const { return groups_.empty(); }
  /// How many may connect now, at `rate` per second (0: as fast as it goes); a round's worth at most.
  std::size_t due(std::uint64_t now_ns, double rate);
  /// The next one's group; not when empty.
  std::uint8_t take();
  /// How long until another is due, roughly.
  std::uint64_t wait_ns() const;

 private:
  std::deque<std::uint8_t> groups_;
  std::uint64_t from_ns_ = 0;  // since when the rate has been what it is, without a pause
  std::uint64_t taken_ = 0;    // since then
  double rate_ = -1;           // below 0: the pace begins anew
};

}  // namespace fanlight::load
