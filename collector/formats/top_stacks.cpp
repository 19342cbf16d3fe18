#include "collector/formats/top_stacks.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "collector/formats/text.hpp"
#include "collector/profile/view.hpp"

namespace fanlight::formats {
namespace {

std::string blocked(Reason reason) { return "blocked: " + std::string(name_of(reason)); }

/// Waiting until something happens or time has passed.
bool idle(const profile::WeightedStacks& wall, const profile::WeightedStack& stack) {
  const std::string& state = wall.frames.at(stack.frames[0]).name;
  return state == blocked(Reason::poll) || state == blocked(Reason::sleep) || state == blocked(Reason::event);
}

}  // namespace

TopStacks top_stacks(const profile::Profile& profile, std::size_t most) {
  const profile::WeightedStacks wall = profile::view(profile, profile::View::wall);
  TopStacks top;
  std::map<std::vector<std::string>, std::pair<std::uint64_t, std::uint64_t>> joined;
  for (const profile::WeightedStack& stack : wall.stacks) {
    // Wall stacks begin with the state and the thread.
    if (stack.frames.size() < 2) continue;
    if (idle(wall, stack)) {
      top.idle += stack.weight;
      continue;
    }
    top.whole += stack.weight;
    if (stack.count == 0) {
      top.unsampled += stack.weight;
      continue;
    }
    std::vector<std::string> names;
    names.reserve(stack.frames.size());
    for (const profile::FrameId frame : stack.frames) names.push_back(folded_name(wall.frames.at(frame)));
    auto& [weight, count] = joined[std::move(names)];
    weight += stack.weight;
    count += stack.count;
  }
  for (const auto& [names, amount] : joined) {
    top.stacks.push_back({names[0], names[1], {names.begin() + 2, names.end()}, amount.first, amount.second});
  }
  std::stable_sort(top.stacks.begin(), top.stacks.end(),
                   [](const TopStack& a, const TopStack& b) { return a.weight > b.weight; });
  if (top.stacks.size() > most) top.stacks.resize(most);
  return top;
}

}  // namespace fanlight::formats
