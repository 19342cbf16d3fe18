// Whether connections are served alike. In: a figure per connection. Out: Jain's index.
#pragma once

#include <cstdint>

namespace fanlight::load {

/// (sum x)^2 / (n sum x^2): 1 when all are equal, 1/n when one has everything. Mergeable.
/// Source: Jain, Chiu, Hawe, "A quantitative measure of fairness", DEC-TR-301, 1984.
struct Fairness {
  std::uint64_t count = 0;
  double sum = 0;
  double squares = 0;

  void add(double x) {
    ++count;
    sum += x;
    squares += x * x;
  }
  void merge(const Fairness& other) {
    count += other.count;
    sum += other.sum;
    squares += other.squares;
  }
  /// 0 without connections; 1 where all have nothing.
  double index() const {
    if (count == 0) return 0;
    return squares == 0 ? 1 : sum * sum / (static_cast<double>(count) * squares);
  }
};

}  // namespace fanlight::load
