// A clock that goes only when a test says so. In: nanoseconds to pass. Out: CLOCK_MONOTONIC as the code under test sees
// it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

namespace fanlight::testing {

/// Give out `reader()` where code takes its clock as a parameter. Threads: one.
class FakeClock {
 public:
  std::uint64_t now_ns() const { return now_ns_; }
  void pass(std::chrono::nanoseconds time) { now_ns_ += static_cast<std::uint64_t>(time.count()); }
  /// Valid while this clock lives.
  std::function<std::uint64_t()> reader() const {
    return [this] { return now_ns_; };
  }

 private:
  std::uint64_t now_ns_ = 1'000'000'000;
};

}  // namespace fanlight::testing
