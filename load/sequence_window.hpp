// What one subscriber has seen of one publisher. In: sequence numbers as they arrive. Out: in order, gap, late, twice.
#pragma once

#include <cstdint>

namespace fanlight::load {

enum class Arrival : std::uint8_t {
  in_order,
  after_gap,  // one or more before it have not come (yet)
  reordered,  // fills such a gap
  duplicate,  // came before; also: later than kReorderWindow messages, when nobody remembers
};

inline constexpr unsigned kReorderWindow = 64;

/// Threads: one at a time. Cost: a few ns, 16 bytes.
class SequenceWindow {
 public:
  Arrival see(std::uint64_t sequence) {
    if (sequence >= next_) {
      const std::uint64_t ahead = sequence - next_;
      seen_ = ahead + 1 >= kReorderWindow ? 0 : seen_ << (ahead + 1);
      seen_ |= 1;
      next_ = sequence + 1;
      return ahead == 0 ? Arrival::in_order : Arrival::after_gap;
    }
    const std::uint64_t age = next_ - 1 - sequence;
    if (age >= kReorderWindow || (seen_ >> age & 1) != 0) return Arrival::duplicate;
    seen_ |= std::uint64_t{1} << age;
    return Arrival::reordered;
  }

 private:
  std::uint64_t next_ = 0;
  std::uint64_t seen_ = 0;  // bit i: message next_ - 1 - i
};

}  // namespace fanlight::load
