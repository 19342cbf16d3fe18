#include "collector/formats/flame.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "collector/formats/names.hpp"

namespace fanlight::formats {
namespace {

constexpr std::size_t kMaxDepth = 1024;

struct Node {
  std::uint32_t name = 0;
  std::uint64_t weight = 0;
  std::uint64_t self = 0;
  std::uint64_t count = 0;
  std::uint64_t self_count = 0;
  std::uint64_t before = 0;
  std::vector<std::uint32_t> children;
};

class Tree {
 public:
  enum class Side { now, before };

  void add(const profile::WeightedStacks& stacks, Side side) {
    const auto numbers = names_.of(stacks.frames);
    for (const profile::WeightedStack& stack : stacks.stacks) {
      std::uint32_t node = 0;
      pass(node, stack, side);
      std::size_t depth = 0;
      for (const profile::FrameId frame : stack.frames) {
        for (const std::uint32_t name : numbers.at(frame)) {
          if (++depth > kMaxDepth) {
            too_deep_ += side == Side::now ? 1 : 0;
            continue;
          }
          node = child(node, name);
          pass(node, stack, side);
        }
      }
      if (side == Side::before) continue;
      nodes_[node].self += stack.weight;
      nodes_[node].self_count += stack.count;
    }
  }

  /// Children in order of name.
  void sort() {
    const auto ranks = names_.ranks();
    for (Node& node : nodes_) {
      std::sort(node.children.begin(), node.children.end(),
                [&](std::uint32_t a, std::uint32_t b) { return ranks[nodes_[a].name] < ranks[nodes_[b].name]; });
    }
  }

  const std::vector<Node>& nodes() const { return nodes_; }
  const Name& name(const Node& node) const { return names_.all()[node.name]; }
  std::uint64_t too_deep() const { return too_deep_; }

 private:
  void pass(std::uint32_t node, const profile::WeightedStack& stack, Side side) {
    if (side == Side::before) {
      nodes_[node].before += stack.weight;
    } else {
      nodes_[node].weight += stack.weight;
      nodes_[node].count += stack.count;
    }
  }
  std::uint32_t child(std::uint32_t parent, std::uint32_t name) {
    const auto [found, added] =
        index_.try_emplace((std::uint64_t{parent} << 32) | name, static_cast<std::uint32_t>(nodes_.size()));
    if (added) {
      nodes_.push_back({.name = name});
      nodes_[parent].children.push_back(found->second);
    }
    return found->second;
  }

  Names names_;
  std::vector<Node> nodes_{1};
  std::unordered_map<std::uint64_t, std::uint32_t> index_;
  std::uint64_t too_deep_ = 0;
};

}  // namespace

Flame flame(const profile::WeightedStacks& stacks, double min_share, const profile::WeightedStacks* before) {
  Tree tree;
  tree.add(stacks, Tree::Side::now);
  if (before != nullptr) tree.add(*before, Tree::Side::before);
  tree.sort();
  Flame picture{.hidden = tree.too_deep()};
  const auto& nodes = tree.nodes();
  const double least = static_cast<double>(nodes[0].weight) * min_share;

  struct Open {
    std::uint32_t node;
    std::size_t depth;
    std::size_t parent;
    std::uint64_t start;
  };
  std::vector<Open> open{{0, 0, 0, 0}};
  while (!open.empty()) {
    const Open next = open.back();
    open.pop_back();
    const Node& node = nodes[next.node];
    const bool root = next.node == 0;
    const std::size_t place = picture.boxes.size();
    picture.boxes.push_back({.name = root ? "all" : tree.name(node).text,
                             .frame = root ? nullptr : tree.name(node).frame,
                             .depth = next.depth,
                             .parent = next.parent,
                             .start = next.start,
                             .weight = node.weight,
                             .self = node.self,
                             .count = node.count,
                             .self_count = node.self_count,
                             .before = node.before});
    picture.depth = std::max(picture.depth, next.depth);
    std::uint64_t start = next.start;
    const std::size_t first = open.size();
    for (const std::uint32_t child : node.children) {
      const std::uint64_t weight = nodes[child].weight;
      if (weight == 0) continue;
      if (static_cast<double>(weight) < least) {
        ++picture.hidden;
        picture.hidden_weight += weight;
      } else {
        open.push_back({child, next.depth + 1, place, start});
      }
      start += weight;
    }
    std::reverse(open.begin() + static_cast<std::ptrdiff_t>(first), open.end());
  }
  return picture;
}

}  // namespace fanlight::formats
