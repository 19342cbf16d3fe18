// speedscope. In: `WeightedStacks`. Out: the JSON that speedscope.app opens.
#pragma once

#include <string>

#include "collector/profile/view.hpp"

namespace fanlight::formats {

/// One sampled profile, heaviest stack first; frames with file and line where known; inlined calls are frames of their
/// own. Weights are whole numbers in the view's unit. Cost: O(frames of all stacks).
/// Source: github.com/jlfwong/speedscope, src/lib/file-format-spec.ts.
std::string speedscope(const profile::WeightedStacks& stacks);

}  // namespace fanlight::formats
