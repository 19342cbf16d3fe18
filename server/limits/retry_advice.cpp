#include "server/limits/retry_advice.hpp"

#include <cmath>

namespace fanlight::server::limits {
namespace {

constexpr double kTimeConstant = 2;  // seconds

}  // namespace

void RetryAdvice::accepted(std::uint64_t now_ns) {
  decayed_ = rate(now_ns) * kTimeConstant + 1;
  last_ns_ = now_ns;
}

double RetryAdvice::rate(std::uint64_t now_ns) const {
  const double seconds = now_ns > last_ns_ ? static_cast<double>(now_ns - last_ns_) / 1e9 : 0;
  return decayed_ * std::exp(-seconds / kTimeConstant) / kTimeConstant;
}

std::chrono::milliseconds RetryAdvice::next(std::uint64_t now_ns, bool stopping) {
  const std::chrono::milliseconds base = stopping ? kMaintenance : rate(now_ns) > surge_ ? kSurge : kNormal;
  // xorshift64: which client gets which wait need not be secret.
  state_ ^= state_ << 13;
  state_ ^= state_ >> 7;
  state_ ^= state_ << 17;
  const auto spread = base.count() * 2 / 5;
  return base - std::chrono::milliseconds(spread / 2) +
         std::chrono::milliseconds(static_cast<std::int64_t>(state_ % static_cast<std::uint64_t>(spread + 1)));
}

}  // namespace fanlight::server::limits
