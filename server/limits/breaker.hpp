// Leaves something alone that keeps failing. In: outcomes, times. Out: whether to try.
#pragma once

#include <cstdint>

namespace fanlight::server::limits {

/// Closed: every try is allowed. After `failures` in a row it opens: none is, for `pause_ns`. Then half-open: one try
/// at a time, until `successes` in a row close it or one failure opens it again. Threads: one at a time.
class Breaker {
 public:
  enum class State : std::uint8_t { closed, open, half_open };
  struct Limits {
    unsigned failures = 5;
    unsigned successes = 2;
    std::uint64_t pause_ns = 5'000'000'000;
  };

  explicit Breaker(Limits limits) : limits_(limits) {}

  /// True: try, then report.
  bool allow(std::uint64_t now_ns);
  void report(bool good, std::uint64_t now_ns);
  State state() const { return state_; }
  std::uint64_t opened() const { return opened_; }
  std::uint64_t refused() const { return refused_; }

 private:
  void open(std::uint64_t now_ns);

  Limits limits_;
  State state_ = State::closed;
  unsigned in_a_row_ = 0;
  bool trying_ = false;
  std::uint64_t since_ns_ = 0;
  std::uint64_t opened_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace fanlight::server::limits
