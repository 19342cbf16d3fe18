// Folded stacks. In: `WeightedStacks`. Out: one line a stack, "root;caller;leaf weight", as flame-graph tools read it.
#pragma once

#include <string>

#include "collector/profile/view.hpp"

namespace fanlight::formats {

/// Heaviest first; ';', newlines and control characters within a frame's name become ':' or a space. Sums to `total()`.
/// Source: github.com/brendangregg/FlameGraph, stackcollapse-perf.pl. Cost: O(frames).
std::string folded(const profile::WeightedStacks& stacks);

}  // namespace fanlight::formats
