// How long to wait before the next attempt. In: failures. Out: durations that double up to a bound.
#pragma once

#include <algorithm>
#include <chrono>

namespace fanlight::ui {

/// 250 ms, 500 ms, 1 s, ... 5 s. One viewer on loopback makes no storm, so there is no jitter.
class Backoff {
 public:
  using Duration = std::chrono::milliseconds;
  explicit Backoff(Duration first = Duration{250}, Duration longest = Duration{5000})
      : first_(first), longest_(longest), next_(first) {}
  /// The wait after one more failure.
  Duration failed() {
    const Duration wait = next_;
    next_ = std::min(longest_, next_ * 2);
    return wait;
  }
  void succeeded() { next_ = first_; }

 private:
  Duration first_, longest_, next_;
};

}  // namespace fanlight::ui
