// When writes to TCP are timed. In: the clock. Out: what the kernel programs of bpf/timing.bpf.c are to do now.
#pragma once

#include <chrono>
#include <random>

namespace fanlight::kernel {

/// The points at which a write begins and an acknowledgement arrives lie on the way of every process's packets, and
/// cost each some 20 ns while a program is attached. So that is done in windows: one in each period, at a random moment
/// of it. Threads: one at a time.
class TimingWindows {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kPeriod{1000};
  static constexpr std::chrono::milliseconds kOpen{50};     // writes are begun to be timed
  static constexpr std::chrono::milliseconds kEnding{100};  // those are waited for, no more are begun

  enum class Phase : unsigned { off = 0, on = 1, ending = 2 };  // as enum fanlight_timing

  explicit TimingWindows(Clock::time_point now, unsigned seed = std::random_device{}())
      : random_(seed), period_(now), next_(now) {
    schedule();
  }

  Phase phase() const { return phase_; }
  /// When `step` is next due.
  Clock::time_point next() const { return next_; }
  /// True when the phase has changed.
  bool step(Clock::time_point now) {
    if (now < next_) return false;
    switch (phase_) {
      case Phase::off:
        phase_ = Phase::on;
        next_ = now + kOpen;
        break;
      case Phase::on:
        phase_ = Phase::ending;
        next_ = now + kEnding;
        break;
      case Phase::ending:
        phase_ = Phase::off;
        period_ = std::max(period_ + kPeriod, now);
        schedule();
        break;
    }
    return true;
  }

 private:
  void schedule() {
    const auto room = (kPeriod - kOpen - kEnding).count();
    next_ = period_ + std::chrono::milliseconds(std::uniform_int_distribution<long>(0, room)(random_));
  }

  std::minstd_rand random_;
  Clock::time_point period_;  // its beginning
  Clock::time_point next_;
  Phase phase_ = Phase::off;
};

}  // namespace fanlight::kernel
