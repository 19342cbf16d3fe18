#include "collector/formats/flame.hpp"

#include <algorithm>
#include <utility>

#include "collector/formats/sequences.hpp"

namespace fanlight::formats {
namespace {

constexpr std::size_t kMaxDepth = 1024;

struct Node {
  std::uint32_t name = 0;
  std::uint64_t offset = 0;  // from where the caller begins
  std::uint64_t weight = 0;
  std::uint64_t self = 0;
  std::uint64_t count = 0;
  std::uint64_t self_count = 0;
  std::uint64_t before = 0;
  std::uint64_t hidden = 0;  // of what it calls
  std::uint64_t hidden_weight = 0;
  std::vector<Node> children;
};

/// The stacks in order pass by once, so that only what is wide enough is ever kept.
class Tree {
 public:
  explicit Tree(double least) : least_(least) { open_.emplace_back(); }

  void add(const Sequences::Row& row, std::span<const std::uint32_t> names) {
    std::size_t common = 0;
    while (common < names.size() && common + 1 < open_.size() && open_[common + 1].name == names[common]) ++common;
    while (open_.size() > common + 1) close();
    for (std::size_t depth = common; depth < names.size(); ++depth) {
      const Node& caller = open_.back();
      open_.push_back({.name = names[depth], .offset = caller.weight - caller.self, .children = {}});
    }
    for (Node& node : open_) {
      if (row.before) {
        node.before += row.weight;
        continue;
      }
      node.weight += row.weight;
      node.count += row.count;
    }
    if (row.before) return;
    open_.back().self += row.weight;
    open_.back().self_count += row.count;
  }

  Node finish() {
    while (open_.size() > 1) close();
    return std::move(open_.back());
  }

 private:
  void close() {
    Node node = std::move(open_.back());
    open_.pop_back();
    Node& caller = open_.back();
    if (node.weight == 0) return;
    if (static_cast<double>(node.weight) < least_) {
      ++caller.hidden;
      caller.hidden_weight += node.weight;
      return;
    }
    caller.hidden += node.hidden;
    caller.hidden_weight += node.hidden_weight;
    caller.children.push_back(std::move(node));
  }

  double least_;
  std::vector<Node> open_;  // root first
};

}  // namespace

Flame flame(const profile::WeightedStacks& stacks, double min_share, const profile::WeightedStacks* before) {
  Sequences sequences(stacks, before, kMaxDepth);
  sequences.sort();
  Tree tree(static_cast<double>(stacks.total()) * min_share);
  for (const Sequences::Row& row : sequences.rows()) tree.add(row, sequences.names(row));
  const Node root = tree.finish();
  Flame picture{.hidden = sequences.cut_off() + root.hidden, .hidden_weight = root.hidden_weight};

  struct Open {
    const Node* node;
    std::size_t depth;
    std::size_t parent;
    std::uint64_t start;
  };
  std::vector<Open> open{{&root, 0, 0, 0}};
  while (!open.empty()) {
    const Open next = open.back();
    open.pop_back();
    const Node& node = *next.node;
    const bool is_root = next.node == &root;
    const std::size_t place = picture.boxes.size();
    picture.boxes.push_back({.name = is_root ? "all" : sequences.name(node.name).text,
                             .frame = is_root ? nullptr : sequences.name(node.name).frame,
                             .depth = next.depth,
                             .parent = next.parent,
                             .start = next.start,
                             .weight = node.weight,
                             .self = node.self,
                             .count = node.count,
                             .self_count = node.self_count,
                             .before = node.before});
    picture.depth = std::max(picture.depth, next.depth);
    for (auto child = node.children.rbegin(); child != node.children.rend(); ++child) {
      open.push_back({&*child, next.depth + 1, place, next.start + child->offset});
    }
  }
  return picture;
}

}  // namespace fanlight::formats
