#include "ui/viewmodel/flame_tree.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_map>

namespace fanlight::ui {
namespace {

constexpr std::size_t kDeepest = std::numeric_limits<std::uint16_t>::max() - 1;

void add_to(std::uint64_t& sum, std::uint64_t more) {
  if (__builtin_add_overflow(sum, more, &sum)) sum = std::numeric_limits<std::uint64_t>::max();
}

bool is_idle(const profile::WeightedStacks& stacks, const profile::WeightedStack& stack) {
  const std::size_t roots = std::min<std::size_t>(stack.frames.size(), 2);
  for (std::size_t i = 0; i < roots; ++i) {
    const profile::Frame& frame = stacks.frames[stack.frames[i]];
    if (frame.origin != profile::FrameOrigin::marker) continue;
    // A thread cannot be taken for the state: the kernel cuts thread names at 15 characters, these are longer.
    for (const Reason idle : {Reason::poll, Reason::event}) {
      if (frame.name.ends_with(fanlight::name_of(idle))) return true;
    }
  }
  return false;
}

class Names {
 public:
  explicit Names(std::vector<std::string>& names) : names_(names) {
    for (std::size_t i = 0; i < names.size(); ++i) ids_.emplace(names[i], static_cast<std::uint32_t>(i));
  }
  std::uint32_t id(const std::string& name) {
    const auto [found, fresh] = ids_.emplace(name, static_cast<std::uint32_t>(names_.size()));
    if (fresh) names_.push_back(name);
    return found->second;
  }

 private:
  std::vector<std::string>& names_;
  std::unordered_map<std::string, std::uint32_t> ids_;
};

struct Edge {
  NodeId parent;
  std::uint32_t name;
  profile::FrameOrigin origin;
  bool operator==(const Edge&) const = default;
};
struct EdgeHash {
  std::size_t operator()(const Edge& edge) const {
    const std::uint64_t key = (std::uint64_t{edge.parent} << 32 | edge.name) * 4 + static_cast<unsigned>(edge.origin);
    return static_cast<std::size_t>((key ^ (key >> 29)) * 0x9e3779b97f4a7c15ull);
  }
};

/// Lays siblings side by side, in the order of their names; parents come before children. Names are compared once each,
/// not once for every pair of nodes: a graph may have a million.
void put_in_order(FlameTree& tree) {
  const std::size_t count = tree.nodes.size();
  std::vector<std::uint32_t> by_name(tree.names.size()), rank(tree.names.size());
  std::iota(by_name.begin(), by_name.end(), 0u);
  std::sort(by_name.begin(), by_name.end(),
            [&](std::uint32_t a, std::uint32_t b) { return tree.names[a] < tree.names[b]; });
  for (std::uint32_t i = 0; i < by_name.size(); ++i) rank[by_name[i]] = i;
  // Children by parent, as one array: counted, then filled in.
  std::vector<std::uint32_t> begin(count + 1, 0);
  for (NodeId node = 1; node < count; ++node) ++begin[tree.nodes[node].parent + 1];
  for (std::size_t i = 1; i <= count; ++i) begin[i] += begin[i - 1];
  std::vector<NodeId> children(count == 0 ? 0 : count - 1);
  std::vector<std::uint32_t> next(begin.begin(), begin.end() - 1);
  for (NodeId node = 1; node < count; ++node) children[next[tree.nodes[node].parent]++] = node;
  std::vector<FlameNode> ordered{tree.nodes[0]};
  std::vector<NodeId> old_id{0};
  ordered.reserve(count);
  old_id.reserve(count);
  for (NodeId place = 0; place < ordered.size(); ++place) {
    const std::span row(children.data() + begin[old_id[place]], children.data() + begin[old_id[place] + 1]);
    std::sort(row.begin(), row.end(), [&](NodeId a, NodeId b) {
      const FlameNode &left = tree.nodes[a], &right = tree.nodes[b];
      return left.name != right.name ? rank[left.name] < rank[right.name] : left.origin < right.origin;
    });
    ordered[place].first_child = static_cast<NodeId>(ordered.size());
    ordered[place].child_count = static_cast<std::uint32_t>(row.size());
    for (const NodeId child : row) {
      ordered.push_back(tree.nodes[child]);
      ordered.back().parent = place;
      old_id.push_back(child);
    }
  }
  tree.nodes = std::move(ordered);
}

}  // namespace

std::uint64_t remove_idle(profile::WeightedStacks& stacks) {
  std::uint64_t removed = 0;
  std::erase_if(stacks.stacks, [&](const profile::WeightedStack& stack) {
    const bool idle = is_idle(stacks, stack);
    if (idle) add_to(removed, stack.weight);
    return idle;
  });
  return removed;
}

double FlameNode::margin() const { return 1.96 * std::sqrt(variance + variance_before); }

bool FlameNode::changed(std::uint64_t whole) const {
  const double change = std::fabs(static_cast<double>(total) - static_cast<double>(before));
  return change > margin() && change > static_cast<double>(whole) * 0.005;
}

FlameTree build_flame_tree(const profile::WeightedStacks& stacks, std::string_view label_key) {
  FlameTree tree;
  tree.view = stacks.name;
  tree.unit = stacks.unit;
  Names names(tree.names);
  tree.nodes[0].module = names.id("");
  std::vector<std::uint32_t> name_of_frame, module_of_frame;
  name_of_frame.reserve(stacks.frames.size());
  module_of_frame.reserve(stacks.frames.size());
  for (const profile::Frame& frame : stacks.frames) {
    name_of_frame.push_back(names.id(frame.name));
    module_of_frame.push_back(names.id(frame.module));
  }
  // As many as there could be, within reason: growing a table of a million edges costs as much as filling it.
  constexpr std::size_t kMostReserved = 2'000'000;
  std::size_t frames = 0;
  for (const profile::WeightedStack& stack : stacks.stacks) frames += stack.frames.size();
  std::unordered_map<Edge, NodeId, EdgeHash> edges;
  edges.reserve(std::min(frames, kMostReserved));
  tree.nodes.reserve(std::min(frames, kMostReserved) / 2);
  std::vector<std::uint32_t> name_of_labels(stacks.labels.size(), tree.nodes[0].module);
  for (std::size_t i = 0; i < stacks.labels.size() && !label_key.empty(); ++i)
    for (const auto& [key, value] : stacks.labels[i])
      if (key == label_key) name_of_labels[i] = names.id(value);
  const auto pass = [&](FlameNode& node, const profile::WeightedStack& stack) {
    add_to(node.total, stack.weight);
    add_to(node.count, stack.count);
    node.variance += stack.variance;
    if (stack.weight < node.heaviest) return;
    node.heaviest = stack.weight;
    node.reason = stack.reason;
    node.label = stack.labels < name_of_labels.size() ? name_of_labels[stack.labels] : node.label;
  };
  for (const profile::WeightedStack& stack : stacks.stacks) {
    NodeId at = 0;
    pass(tree.nodes[0], stack);
    for (const profile::FrameId id : stack.frames) {
      if (tree.nodes[at].depth >= kDeepest) break;
      const profile::FrameOrigin origin = stacks.frames[id].origin;
      const auto [found, fresh] =
          edges.emplace(Edge{at, name_of_frame[id], origin}, static_cast<NodeId>(tree.nodes.size()));
      if (fresh) {
        FlameNode node;
        node.parent = at;
        node.name = name_of_frame[id];
        node.module = module_of_frame[id];
        node.origin = origin;
        node.depth = static_cast<std::uint16_t>(tree.nodes[at].depth + 1);
        tree.nodes.push_back(node);
      }
      at = found->second;
      pass(tree.nodes[at], stack);
    }
    add_to(tree.nodes[at].self, stack.weight);
  }
  put_in_order(tree);
  return tree;
}

void compare_with(FlameTree& tree, const profile::WeightedStacks& before, double scale) {
  tree.compared = true;
  std::unordered_map<std::string_view, std::uint32_t> ids;
  for (std::uint32_t i = 0; i < tree.names.size(); ++i) ids.emplace(tree.names[i], i);
  constexpr std::uint32_t kNoName = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> name_of_frame;
  name_of_frame.reserve(before.frames.size());
  for (const profile::Frame& frame : before.frames) {
    const auto found = ids.find(frame.name);
    name_of_frame.push_back(found == ids.end() ? kNoName : found->second);
  }
  std::unordered_map<Edge, NodeId, EdgeHash> edges;
  edges.reserve(tree.nodes.size());
  for (NodeId node = 1; node < tree.nodes.size(); ++node)
    edges.emplace(Edge{tree.nodes[node].parent, tree.nodes[node].name, tree.nodes[node].origin}, node);
  const auto pass = [scale](FlameNode& node, const profile::WeightedStack& stack) {
    add_to(node.before, static_cast<std::uint64_t>(static_cast<double>(stack.weight) * scale + 0.5));
    node.variance_before += stack.variance * scale * scale;
  };
  for (const profile::WeightedStack& stack : before.stacks) {
    NodeId at = 0;
    pass(tree.nodes[0], stack);
    for (const profile::FrameId id : stack.frames) {
      const auto found = edges.find(Edge{at, name_of_frame[id], before.frames[id].origin});
      if (found == edges.end()) break;
      at = found->second;
      pass(tree.nodes[at], stack);
    }
  }
  tree.before = tree.nodes[0].before;
}

std::vector<std::string> path_to(const FlameTree& tree, NodeId node) {
  std::vector<std::string> path;
  for (; node != 0; node = tree.nodes[node].parent) path.emplace_back(tree.name_of(node));
  std::reverse(path.begin(), path.end());
  return path;
}

NodeId follow(const FlameTree& tree, std::span<const std::string> path) {
  NodeId at = 0;
  for (const std::string& name : path) {
    const FlameNode& node = tree.nodes[at];
    NodeId next = 0;
    for (NodeId child = node.first_child; child < node.first_child + node.child_count && next == 0; ++child)
      if (tree.name_of(child) == name) next = child;
    if (next == 0) return at;
    at = next;
  }
  return at;
}

NodeId find(const FlameTree& tree, std::string_view name) {
  NodeId best = 0;
  for (NodeId node = 1; node < tree.nodes.size(); ++node)
    if (tree.name_of(node) == name && (best == 0 || tree.nodes[node].total > tree.nodes[best].total)) best = node;
  return best;
}

}  // namespace fanlight::ui
