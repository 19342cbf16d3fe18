#include "ui/viewmodel/flame_layout.hpp"

#include <algorithm>
#include <cctype>

namespace fanlight::ui {
namespace {

constexpr double kNarrowest = 1.0;  // pixels; below that neighbours are merged

/// The children of one box, laid out from its left edge. Merged runs that stay under half a pixel are left blank.
class Row {
 public:
  Row(const FlameTree& tree, double pixels_per_weight, std::vector<FlameBox>& out)
      : tree_(tree), scale_(pixels_per_weight), out_(out) {}

  void children(const FlameNode& parent, double left, std::uint16_t row) {
    double x = left;
    run_width_ = 0;
    for (NodeId child = parent.first_child; child < parent.first_child + parent.child_count; ++child) {
      const double width = static_cast<double>(tree_.nodes[child].total) * scale_;
      if (width >= kNarrowest) {
        end_run(row);
        out_.push_back({child, row, static_cast<float>(x), static_cast<float>(width), false});
      } else {
        if (run_width_ == 0) {
          run_left_ = x;
          run_heaviest_ = child;
        }
        run_width_ += width;
        if (tree_.nodes[child].total > tree_.nodes[run_heaviest_].total) run_heaviest_ = child;
      }
      x += width;
    }
    end_run(row);
  }

 private:
  void end_run(std::uint16_t row) {
    if (run_width_ >= kNarrowest / 2)
      out_.push_back({run_heaviest_, row, static_cast<float>(run_left_), static_cast<float>(run_width_), true});
    run_width_ = 0;
  }

  const FlameTree& tree_;
  double scale_;
  std::vector<FlameBox>& out_;
  double run_left_ = 0;
  double run_width_ = 0;
  NodeId run_heaviest_ = 0;
};

/// "operator<<" and its like: these brackets are the name itself.
bool part_of_operator(std::string_view before, char c) {
  const auto after = [before](std::string_view word) { return before.ends_with(word); };
  switch (c) {
    case '<': return after("operator") || after("operator<");
    case '>': return after("operator") || after("operator>") || after("operator-");
    case '(': return after("operator");
    case ')': return after("operator(");
    default: return false;
  }
}

}  // namespace

FlameLayout layout_flame(const FlameTree& tree, NodeId zoom, float width) {
  FlameLayout layout;
  if (zoom >= tree.nodes.size()) zoom = 0;
  const FlameNode& focus = tree.nodes[zoom];
  if (focus.total == 0 || !(width > 0)) return layout;
  for (NodeId node = zoom;; node = tree.nodes[node].parent) {
    layout.boxes.push_back({node, tree.nodes[node].depth, 0, width, false});
    if (node == 0) break;
  }
  std::reverse(layout.boxes.begin(), layout.boxes.end());
  Row row(tree, width / static_cast<double>(focus.total), layout.boxes);
  for (std::size_t at = layout.boxes.size() - 1; at < layout.boxes.size(); ++at) {
    const FlameBox box = layout.boxes[at];
    if (!box.merged) row.children(tree.nodes[box.node], box.x, static_cast<std::uint16_t>(box.row + 1));
  }
  layout.rows = static_cast<std::uint16_t>(layout.boxes.back().row + 1);
  return layout;
}

const FlameBox* box_at(const FlameLayout& layout, int row, float x) {
  if (row < 0) return nullptr;
  const auto after = std::upper_bound(
      layout.boxes.begin(), layout.boxes.end(), x,
      [row](float value, const FlameBox& box) { return box.row != row ? row < box.row : value < box.x; });
  if (after == layout.boxes.begin()) return nullptr;
  const FlameBox& box = *std::prev(after);
  return box.row == row && x >= box.x && x < box.x + box.w ? &box : nullptr;
}

bool contains_ignoring_case(std::string_view text, std::string_view needle) {
  const auto same = [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); };
  return std::search(text.begin(), text.end(), needle.begin(), needle.end(), same) != text.end();
}

FlameSearch search_flame(const FlameTree& tree, std::string_view text) {
  FlameSearch search;
  search.matches.assign(tree.names.size(), false);
  if (text.empty()) return search;
  search.active = true;
  for (std::size_t i = 0; i < tree.names.size(); ++i) search.matches[i] = contains_ignoring_case(tree.names[i], text);
  std::vector<bool> under_match(tree.nodes.size(), false);
  for (NodeId node = 1; node < tree.nodes.size(); ++node) {  // parents come before children
    const FlameNode& at = tree.nodes[node];
    const bool inherited = at.parent != 0 && under_match[at.parent];
    under_match[node] = inherited || search.matches[at.name];
    if (under_match[node] && !inherited) search.weight += at.total;
  }
  return search;
}

std::string short_name(std::string_view name) {
  constexpr std::string_view kAnonymous = "(anonymous namespace)";
  if (name.empty() || name.front() == '[') return std::string(name);
  std::string kept;
  int angle = 0, round = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name.substr(i).starts_with(kAnonymous)) {
      if (angle == 0 && round == 0) kept += "{anon}";
      i += kAnonymous.size() - 1;
      continue;
    }
    const char c = name[i];
    if (part_of_operator(kept, c)) {
      kept += c;
      continue;
    }
    if (c == '<' && round == 0) ++angle;
    if (c == '(' && angle == 0) ++round;
    if (angle == 0 && round == 0) kept += c;
    if (c == '>' && round == 0 && angle > 0) --angle;
    if (c == ')' && angle == 0 && round > 0) --round;
  }
  for (const std::string_view qualifier : {" const", " &", " [clone", " volatile", " noexcept"}) {
    if (const std::size_t at = kept.find(qualifier); at != std::string::npos && at > 0) kept.resize(at);
  }
  // A return type, as templates have one in front: whatever stands before the last blank outside of "operator x".
  if (const std::size_t blank = kept.rfind(' ');
      blank != std::string::npos && kept.find("operator") == std::string::npos && blank + 1 < kept.size())
    kept.erase(0, blank + 1);
  return kept.empty() ? std::string(name) : kept;
}

}  // namespace fanlight::ui
