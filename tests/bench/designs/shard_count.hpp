// How many shards a registry should have. In: load and latency. Out: a number that does not flap.
#pragma once

namespace fanlight::server::hub::designs {

/// min(64, max(max(2, base + int(qps / 1000)), max(2, base * (p95_ms / 120)^1.5))), truncated. Negative and absurd
/// input is clamped. Source: the reference articles' formula (S0); golden values in the test.
unsigned shard_count(double qps, double p95_ms, unsigned base = 8);

/// The same with memory, which the formula lacks: a change has to be by a quarter at least, and to be asked for three
/// times in a row. Threads: one at a time.
class ShardCounter {
 public:
  explicit ShardCounter(unsigned start = 8) : current_(start) {}
  /// Once per period. Returns the number to use from now on.
  unsigned update(double qps, double p95_ms);
  unsigned current() const { return current_; }

 private:
  static constexpr unsigned kPatience = 3;
  unsigned current_;
  unsigned asked_ = 0;  // times in a row, in the same direction
  bool up_ = false;
};

}  // namespace fanlight::server::hub::designs
