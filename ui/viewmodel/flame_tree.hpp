// The flame graph's tree. In: `WeightedStacks`. Out: nodes joined by name, children in a stable order.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collector/profile/view.hpp"
#include "core/state.hpp"

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
  std::uint64_t total = 0;     // weight of all stacks that pass through
  std::uint64_t self = 0;      // weight of those that end here
  std::uint64_t count = 0;     // samples or events behind `total`
  std::uint64_t before = 0;    // weight in the stretch that it is compared with, scaled to the length of this one
  double variance = 0;         // of `total`, as far as it is an estimate
  double variance_before = 0;  // of `before`
  std::uint64_t heaviest = 0;  // of the stacks through here; the two below are that one's
  Reason reason = Reason::running;
  std::uint32_t label = 0;  // index into FlameTree::names: the value of the label that was asked for

  /// 1.96 standard errors of the change; 0 where nothing was sampled.
  double margin() const;
  /// The change is certain: beyond chance, and more than a two-hundredth of `whole`.
  bool changed(std::uint64_t whole) const;
};

/// Totals: a node's total is its self plus its children's totals. Children are ordered by name, so that a box keeps its
/// place when the next second arrives.
struct FlameTree {
  std::string view;  // name of the view it was made from
  std::string unit;  // "nanoseconds" or "bytes"
  std::vector<FlameNode> nodes{FlameNode{}};
  std::vector<std::string> names{"all"};
  std::uint64_t idle_left_out = 0;  // weight of idle waiting that was left out on request
  bool compared = false;            // `before` of the nodes means something
  std::uint64_t before = 0;         // of the whole, scaled

  const FlameNode& root() const { return nodes.front(); }
  std::string_view name_of(NodeId node) const { return names[nodes[node].name]; }
  std::string_view module_of(NodeId node) const { return names[nodes[node].module]; }
};

/// Takes out the stacks that wait in epoll, poll or select, as the wall and off-CPU views mark them. Returns their
/// weight.
std::uint64_t remove_idle(profile::WeightedStacks& stacks);

/// Frames are joined by name and origin. Weights that would pass 2^64 stop there. `label_key`: see FlameNode::label;
/// the stacks must carry their labels. Cost: O(frames of all stacks).
FlameTree build_flame_tree(const profile::WeightedStacks& stacks, std::string_view label_key = {});

/// Sets what the nodes were in another stretch of time, times `scale`. What only that one has is not in the tree; it
/// counts in the whole. Cost: O(frames of all stacks * log children).
void compare_with(FlameTree& tree, const profile::WeightedStacks& before, double scale);

/// Names from below the root to `node`. The root: empty.
std::vector<std::string> path_to(const FlameTree& tree, NodeId node);

/// The node that a path leads to, or the last one on the way that exists. Cost: O(path * children).
NodeId follow(const FlameTree& tree, std::span<const std::string> path);

/// The heaviest node with this name, 0 when there is none.
NodeId find(const FlameTree& tree, std::string_view name);

}  // namespace fanlight::ui
