#include "collector/formats/flame.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "collector/formats/text.hpp"

namespace fanlight::formats {
namespace {

constexpr std::size_t kMaxDepth = 1024;

struct Node {
  const profile::Frame* frame = nullptr;
  std::uint64_t weight = 0;
  std::uint64_t count = 0;
  // By name; kernel and user functions of one name stay two.
  std::map<std::pair<std::string, profile::FrameOrigin>, std::size_t> children;
};

std::vector<Node> tree_of(const profile::WeightedStacks& stacks, std::uint64_t& too_deep) {
  std::vector<std::string> names;
  names.reserve(stacks.frames.size());
  for (const profile::Frame& frame : stacks.frames) names.push_back(shown_name(frame));

  std::vector<Node> nodes(1);
  for (const profile::WeightedStack& stack : stacks.stacks) {
    std::size_t node = 0;
    nodes[0].weight += stack.weight;
    nodes[0].count += stack.count;
    if (stack.frames.size() > kMaxDepth) too_deep += stack.frames.size() - kMaxDepth;
    for (std::size_t depth = 0; depth < std::min(stack.frames.size(), kMaxDepth); ++depth) {
      const profile::FrameId id = stack.frames[depth];
      const profile::Frame& frame = stacks.frames.at(id);
      const auto [child, inserted] = nodes[node].children.try_emplace({names[id], frame.origin}, nodes.size());
      node = child->second;
      if (inserted) nodes.push_back({.frame = &frame});
      nodes[node].weight += stack.weight;
      nodes[node].count += stack.count;
    }
  }
  return nodes;
}

}  // namespace

Flame flame(const profile::WeightedStacks& stacks, double min_share) {
  Flame picture;
  const std::vector<Node> nodes = tree_of(stacks, picture.hidden);
  const double least = static_cast<double>(nodes[0].weight) * min_share;

  struct Open {
    std::size_t node;
    std::size_t depth;
    std::uint64_t start;
    const std::string* name;
  };
  const std::string root_name = "all";
  std::vector<Open> open{{0, 0, 0, &root_name}};
  while (!open.empty()) {
    const Open next = open.back();
    open.pop_back();
    const Node& node = nodes[next.node];
    picture.boxes.push_back({*next.name, node.frame, next.depth, next.start, node.weight, node.count});
    picture.depth = std::max(picture.depth, next.depth);
    std::uint64_t start = next.start;
    const std::size_t first = open.size();
    for (const auto& [key, child] : node.children) {
      const std::uint64_t weight = nodes[child].weight;
      if (static_cast<double>(weight) < least || weight == 0) {
        ++picture.hidden;
        picture.hidden_weight += weight;
      } else {
        open.push_back({child, next.depth + 1, start, &key.first});
      }
      start += weight;
    }
    std::reverse(open.begin() + static_cast<std::ptrdiff_t>(first), open.end());
  }
  return picture;
}

}  // namespace fanlight::formats
