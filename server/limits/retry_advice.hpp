// How long clients should wait before they come back. In: connections as they are accepted. Out: milliseconds.
#pragma once

#include <chrono>
#include <cstdint>

namespace fanlight::server::limits {

/// 3 s normally, 15 s while more connections come per second than `surge`, 60 s while the server stops; each up to a
/// fifth more or less, so that those who were cut off together do not come back together. Threads: one at a time.
class RetryAdvice {
 public:
  static constexpr std::chrono::milliseconds kNormal{3000}, kSurge{15'000}, kMaintenance{60'000};

  explicit RetryAdvice(double surge = 500) : surge_(surge) {}
  void set_surge(double per_second) { surge_ = per_second; }

  void accepted(std::uint64_t now_ns);
  /// Connections per second, over about the last two seconds.
  double rate(std::uint64_t now_ns) const;
  std::chrono::milliseconds next(std::uint64_t now_ns, bool stopping);

 private:
  double surge_;
  double decayed_ = 0;  // connections, each fading with the time constant
  std::uint64_t last_ns_ = 0;
  std::uint64_t state_ = 0x9e3779b97f4a7c15u;
};

}  // namespace fanlight::server::limits
