// How often something may happen. In: a rate, a burst, times. Out: yes or no.
#pragma once

#include <algorithm>
#include <cstdint>

namespace fanlight::server::limits {

struct Rate {
  double per_second = 0;  // 0: no limit
  double burst = 0;
};

/// Fills at `per_second` up to `burst`; each yes takes one. Threads: one at a time. Cost: O(1).
class TokenBucket {
 public:
  bool take(const Rate& rate, std::uint64_t now_ns) {
    if (rate.per_second <= 0) return true;
    if (!begun_) {
      begun_ = true;
      tokens_ = rate.burst;
    } else if (now_ns > last_ns_) {
      tokens_ = std::min(rate.burst, tokens_ + static_cast<double>(now_ns - last_ns_) / 1e9 * rate.per_second);
    }
    last_ns_ = std::max(last_ns_, now_ns);
    constexpr double kWhole = 1 - 1e-9;  // ten tenths of a token add up to a little less than one
    if (tokens_ < kWhole) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  double tokens_ = 0;
  std::uint64_t last_ns_ = 0;
  bool begun_ = false;
};

}  // namespace fanlight::server::limits
