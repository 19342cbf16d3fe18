// Folded stacks. In: `WeightedStacks`. Out: one line a stack, "root;caller;leaf weight", as flame-graph tools read it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "collector/profile/view.hpp"
#include "core/error.hpp"

namespace fanlight::formats {

/// Heaviest first; ';', newlines and control characters within a frame's name become ':' or a space. Sums to `total()`.
/// Source: github.com/brendangregg/FlameGraph, stackcollapse-perf.pl. Cost: O(frames).
std::string folded(const profile::WeightedStacks& stacks);

/// The same in pieces of some 64 KiB, for texts that are larger than what they are made of. Errors: the sink's first,
/// which ends it.
using TextSink = std::function<Result<>(std::string_view)>;
Result<> folded(const profile::WeightedStacks& stacks, const TextSink& sink);

}  // namespace fanlight::formats
