// The open loop. In: a rate. Out: when each message is due, whatever the server does.
#pragma once

#include <cmath>
#include <cstdint>

namespace fanlight::load {

/// Message k (from 0) is due at start + k / rate. Due times never drift: each is computed from the start, not from the
/// message before it. Threads: const, any.
class Schedule {
 public:
  /// `per_second` above 0; `end_ns` is exclusive.
  Schedule(std::uint64_t start_ns, std::uint64_t end_ns, double per_second)
      : start_ns_(start_ns), period_ns_(1e9L / static_cast<long double>(per_second)) {
    set_end(end_ns);
  }

  std::uint64_t due_ns(std::uint64_t k) const {
    return start_ns_ + static_cast<std::uint64_t>(static_cast<long double>(k) * period_ns_);
  }
  /// Messages due before the end.
  std::uint64_t count() const { return count_; }
  /// The number of messages due before `time_ns`.
  std::uint64_t count_before(std::uint64_t time_ns) const {
    if (time_ns <= start_ns_) return 0;
    auto k = static_cast<std::uint64_t>(std::ceil(static_cast<long double>(time_ns - start_ns_) / period_ns_));
    // The quotient is rounded; the due times decide.
    while (k > 0 && due_ns(k - 1) >= time_ns) --k;
    while (due_ns(k) < time_ns) ++k;
    return k;
  }
  void set_end(std::uint64_t end_ns) { count_ = count_before(end_ns); }

 private:
  std::uint64_t start_ns_;
  long double period_ns_;
  std::uint64_t count_ = 0;
};

}  // namespace fanlight::load
