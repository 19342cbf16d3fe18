// What one subscriber has seen of one publisher. In: sequence numbers as they arrive. Out: in order, gap, late, twice.
#pragma once

#include <cstdint>

namespace fanlight::load {

enum class Arrival : std::uint8_t {
  in_order,
  after_gap,  // one or more before it have not come (yet)
  reordered,  // fills such a gap, at most kReorderWindow messages late
  late,       // fills it later than that
  duplicate,  // came before; also: later than kRemembered messages, when nobody knows any more
};

inline constexpr unsigned kReorderWindow = 5;
inline constexpr unsigned kRemembered = 64;

/// Threads: one at a time. Cost: a few ns, 16 bytes.
class SequenceWindow {
 public:
  Arrival see(std::uint64_t sequence) {
    if (sequence >= next_) {
      const std::uint64_t ahead = sequence - next_;
      seen_ = ahead + 1 >= kRemembered ? 0 : seen_ << (ahead + 1);
      seen_ |= 1;
      next_ = sequence + 1;
      return ahead == 0 ? Arrival::in_order : Arrival::after_gap;
    }
    const std::uint64_t age = next_ - 1 - sequence;
    if (age >= kRemembered || (seen_ >> age & 1) != 0) return Arrival::duplicate;
    seen_ |= std::uint64_t{1} << age;
    return age <= kReorderWindow ? Arrival::reordered : Arrival::late;
  }
  bool empty() const { return next_ == 0; }
  /// What came before `sequence` is not missed. Before the first `see`.
  void begin_at(std::uint64_t sequence) {
    next_ = sequence;
    seen_ = ~std::uint64_t{0};
  }
  /// Nothing is missing among the last kReorderWindow + 1 messages.
  bool whole() const {
    constexpr std::uint64_t kRecent = (std::uint64_t{1} << (kReorderWindow + 1)) - 1;
    const std::uint64_t expected = next_ > kReorderWindow ? kRecent : (std::uint64_t{1} << next_) - 1;
    return (seen_ & expected) == expected;
  }

 private:
  std::uint64_t next_ = 0;
  std::uint64_t seen_ = 0;  // bit i: message next_ - 1 - i
};

}  // namespace fanlight::load
