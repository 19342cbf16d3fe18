// How much the kernel half does. In: a level, chosen by whoever watches what it costs. Out: rates and probes.
#pragma once

#include <compare>

namespace fanlight::kernel {

/// Samples carry the weight of the rate they were taken at, so numbers stay right whatever is chosen. Exact times are
/// never given up.
struct Effort {
  unsigned sampling_divisor = 1;  // on-CPU samples and visits of waiting threads are so many times rarer
  bool windows = true;            // timing of writes to TCP, stacks of page faults
  bool map_operations = true;
  bool registry = true;  // once given up it stays so: to attach it anew takes privilege that is gone by then
  bool sockets = true;   // counts and stacks of writes
  auto operator<=>(const Effort&) const = default;
};

}  // namespace fanlight::kernel
