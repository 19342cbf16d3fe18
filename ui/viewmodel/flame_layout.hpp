// Where each box of the flame graph goes. In: the tree, a zoom, a width. Out: boxes, and what a search matched.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "ui/viewmodel/flame_tree.hpp"

namespace fanlight::ui {

struct FlameBox {
  NodeId node = 0;
  std::uint16_t row = 0;  // 0 at the top: the root
  float x = 0;            // pixels from the left edge
  float w = 0;            // pixels
  bool merged = false;    // stands for several neighbours that are each narrower than a pixel; `node` is the heaviest
};

struct FlameLayout {
  std::vector<FlameBox> boxes;  // by row, from left to right within a row
  std::uint16_t rows = 0;
};

/// The zoomed node is as wide as the panel, its ancestors above it too; a box's width is its share of the zoomed node.
/// Neighbours narrower than a pixel become one box and are not descended into, so the number of boxes is bounded by
/// width * rows. Cost: O(visible boxes).
FlameLayout layout_flame(const FlameTree& tree, NodeId zoom, float width);

/// The box at a point, in rows and pixels; nullptr where there is none. Cost: O(log boxes).
const FlameBox* box_at(const FlameLayout& layout, int row, float x);

struct FlameSearch {
  std::vector<bool> matches;  // by name, as in FlameTree::names
  std::uint64_t weight = 0;   // of all stacks with a match anywhere, each once
  bool active = false;        // false: nothing is searched for
};

/// Case-insensitive for ASCII, anywhere within the name. Cost: O(nodes + names).
FlameSearch search_flame(const FlameTree& tree, std::string_view text);

/// ASCII letters of either case are the same.
bool contains_ignoring_case(std::string_view text, std::string_view needle);

/// A C++ name as people say it: without template arguments, parameters and return type. "[module+0x12]" stays as it is.
std::string short_name(std::string_view name);

}  // namespace fanlight::ui
