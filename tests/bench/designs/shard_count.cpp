#include "tests/bench/designs/shard_count.hpp"

#include <algorithm>
#include <cmath>

namespace fanlight::server::hub::designs {

unsigned shard_count(double qps, double p95_ms, unsigned base) {
  constexpr double kMost = 64;
  const double by_load = std::max(2.0, base + std::trunc(std::clamp(qps, 0.0, 1e9) / 1000));
  const double by_latency = std::max(2.0, base * std::pow(std::clamp(p95_ms, 0.0, 1e9) / 120, 1.5));
  return static_cast<unsigned>(std::min(kMost, std::max(by_load, by_latency)));
}

unsigned ShardCounter::update(double qps, double p95_ms) {
  const unsigned wanted = shard_count(qps, p95_ms);
  const unsigned step = std::max(1u, current_ / 4);
  const bool up = wanted >= current_ + step;
  const bool down = wanted + step <= current_;
  if (!up && !down) {
    asked_ = 0;
    return current_;
  }
  asked_ = asked_ > 0 && up == up_ ? asked_ + 1 : 1;
  up_ = up;
  if (asked_ >= kPatience) {
    current_ = wanted;
    asked_ = 0;
  }
  return current_;
}

}  // namespace fanlight::server::hub::designs
