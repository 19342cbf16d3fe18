#include "ui/viewmodel/shape.hpp"

#include <algorithm>

namespace fanlight::ui {
namespace {

/// Which frames have one of these names.
std::vector<bool> named(const profile::WeightedStacks& stacks, const std::vector<std::string>& names) {
  std::vector<bool> is(stacks.frames.size(), false);
  for (std::size_t i = 0; i < is.size(); ++i)
    is[i] = std::find(names.begin(), names.end(), stacks.frames[i].name) != names.end();
  return is;
}

bool has(const profile::WeightedStack& stack, const std::vector<bool>& is) {
  return std::any_of(stack.frames.begin(), stack.frames.end(), [&](profile::FrameId id) { return is[id]; });
}

}  // namespace

void apply_shape(profile::WeightedStacks& stacks, const Chosen& chosen) {
  for (const std::string& name : chosen.focus) {
    const auto is = named(stacks, {name});
    std::erase_if(stacks.stacks, [&](const profile::WeightedStack& stack) { return !has(stack, is); });
  }
  if (!chosen.drop.empty()) {
    const auto is = named(stacks, chosen.drop);
    std::erase_if(stacks.stacks, [&](const profile::WeightedStack& stack) { return has(stack, is); });
  }
  if (!chosen.merge.empty()) {
    const auto is = named(stacks, chosen.merge);
    for (profile::WeightedStack& stack : stacks.stacks)
      std::erase_if(stack.frames, [&](profile::FrameId id) { return is[id]; });
  }
  if (!chosen.invert) return;
  stacks.state_roots = false;
  for (profile::WeightedStack& stack : stacks.stacks) std::reverse(stack.frames.begin(), stack.frames.end());
}

Sandwich sandwich(const profile::WeightedStacks& stacks, const std::string& function) {
  Sandwich halves{stacks, stacks};
  halves.callees.stacks.clear();
  halves.callers.stacks.clear();
  halves.callees.state_roots = halves.callers.state_roots = false;
  const auto is = named(stacks, {function});
  for (const profile::WeightedStack& stack : stacks.stacks) {
    const auto at = std::find_if(stack.frames.begin(), stack.frames.end(), [&](profile::FrameId id) { return is[id]; });
    if (at == stack.frames.end()) continue;
    profile::WeightedStack below = stack, above = stack;
    below.frames.assign(at, stack.frames.end());
    above.frames.assign(std::make_reverse_iterator(at), stack.frames.rend());
    halves.callees.stacks.push_back(std::move(below));
    halves.callers.stacks.push_back(std::move(above));
  }
  return halves;
}

}  // namespace fanlight::ui
