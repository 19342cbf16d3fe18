// The flame graph's tree. In: `WeightedStacks`. Out: nodes joined by name, children in a stable order.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collector/profile/view.hpp"

namespace fanlight::ui {

using NodeId = std::uint32_t;  // index into FlameTree::nodes; 0 is the root

struct FlameNode {
  NodeId parent = 0;
  NodeId first_child = 0;  // children lie side by side
  std::uint32_t child_count = 0;
  std::uint32_t name = 0;    // index into FlameTree::names
  std::uint32_t module = 0;  // index into FlameTree::names
  std::uint16_t depth = 0;   // root 0
  profile::FrameOrigin origin = profile::FrameOrigin::marker;
  std::uint64_t total = 0;  // weight of all stacks that pass through
  std::uint64_t self = 0;   // weight of those that end here
  std::uint64_t count = 0;  // samples or events behind `total`
};

/// Totals: a node's total is its self plus its children's totals. Children are ordered by name, so that a box keeps its
/// place when the next second arrives.
struct FlameTree {
  std::string view;  // name of the view it was made from
  std::string unit;  // "nanoseconds" or "bytes"
  std::vector<FlameNode> nodes{FlameNode{}};
  std::vector<std::string> names{"all"};
  std::uint64_t idle_left_out = 0;  // weight of idle waiting that was left out on request

  const FlameNode& root() const { return nodes.front(); }
  std::string_view name_of(NodeId node) const { return names[nodes[node].name]; }
  std::string_view module_of(NodeId node) const { return names[nodes[node].module]; }
};

/// Takes out the stacks that wait in epoll, poll or select, as the wall and off-CPU views mark them. Returns their
/// weight.
std::uint64_t remove_idle(profile::WeightedStacks& stacks);

/// Frames are joined by name and origin. Weights that would pass 2^64 stop there. Cost: O(frames of all stacks).
FlameTree build_flame_tree(const profile::WeightedStacks& stacks);

/// Names from below the root to `node`. The root: empty.
std::vector<std::string> path_to(const FlameTree& tree, NodeId node);

/// The node that a path leads to, or the last one on the way that exists. Cost: O(path * children).
NodeId follow(const FlameTree& tree, std::span<const std::string> path);

/// The heaviest node with this name, 0 when there is none.
NodeId find(const FlameTree& tree, std::string_view name);

}  // namespace fanlight::ui
