#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "collector/profile/view.hpp"

namespace fanlight::profile {

std::vector<TopFunction> top_functions(const WeightedStacks& stacks) {
  std::map<std::string_view, TopFunction> by_name;
  for (const WeightedStack& stack : stacks.stacks) {
    std::set<std::string_view> seen;
    for (std::size_t depth = 0; depth < stack.frames.size(); ++depth) {
      const Frame& frame = stacks.frames.at(stack.frames[depth]);
      if (frame.origin == FrameOrigin::marker) continue;
      TopFunction& function = by_name[frame.name];
      if (seen.insert(frame.name).second) function.total += stack.weight;
      if (depth + 1 == stack.frames.size()) function.self += stack.weight;
    }
  }
  std::vector<TopFunction> functions;
  functions.reserve(by_name.size());
  for (auto& [name, function] : by_name) {
    function.name = name;
    functions.push_back(std::move(function));
  }
  std::stable_sort(functions.begin(), functions.end(), [](const TopFunction& a, const TopFunction& b) {
    return std::pair(a.self, a.total) > std::pair(b.self, b.total);
  });
  return functions;
}

}  // namespace fanlight::profile
