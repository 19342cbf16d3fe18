#include "collector/formats/top_stacks.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "collector/formats/text.hpp"
#include "collector/profile/view.hpp"

namespace fanlight::formats {
namespace {

/// Waiting until something happens or time has passed.
bool idle(const profile::WeightedStacks& wall, const profile::WeightedStack& stack) {
  if (!is_idle(stack.reason)) return false;
  return stack.reason != Reason::condition || std::ranges::none_of(stack.frames, [&](profile::FrameId frame) {
           return waits_for_rwlock(wall.frames.at(frame).name);
         });
}

}  // namespace

TopStacks top_stacks(const profile::Profile& profile, std::size_t most) {
  const profile::WeightedStacks wall = profile::view(profile, profile::View::wall);
  TopStacks top;
  struct Amount {
    std::uint64_t weight = 0;
    std::uint64_t count = 0;
    double variance = 0;
  };
  std::map<std::vector<std::string>, Amount> joined;
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
    Amount& amount = joined[std::move(names)];
    amount.weight += stack.weight;
    amount.count += stack.count;
    amount.variance += stack.variance;
  }
  for (const auto& [names, amount] : joined) {
    const profile::WeightedStack whole{.weight = amount.weight, .variance = amount.variance};
    top.stacks.push_back(
        {names[0], names[1], {names.begin() + 2, names.end()}, amount.weight, amount.count, whole.margin()});
  }
  std::stable_sort(top.stacks.begin(), top.stacks.end(),
                   [](const TopStack& a, const TopStack& b) { return a.weight > b.weight; });
  if (top.stacks.size() > most) top.stacks.resize(most);
  return top;
}

}  // namespace fanlight::formats
