// The flame graph that was asked for. In: a view's stacks, what was chosen. Out: fewer, shorter or turned stacks.
#pragma once

#include "collector/profile/view.hpp"
#include "ui/viewmodel/selection.hpp"

namespace fanlight::ui {

/// Focus, drop, merge, then invert; functions are named literally. Inverted stacks keep no state roots: a leaf's
/// callers may be in several. Cost: O(frames of all stacks).
void apply_shape(profile::WeightedStacks& stacks, const Chosen& chosen);

/// Both halves of a sandwich: the stacks from the outermost `function` down, and from its caller up to their roots,
/// turned. Stacks without it are in neither; the weight of both is that of the stacks that have it.
struct Sandwich {
  profile::WeightedStacks callees, callers;
};
Sandwich sandwich(const profile::WeightedStacks& stacks, const std::string& function);

}  // namespace fanlight::ui
