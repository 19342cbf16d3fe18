// The flame graph, painted. In: tree, layout, search. Out: fills and labels.
#pragma once

#include <string>
#include <vector>

#include "ui/canvas/drawing.hpp"
#include "ui/viewmodel/flame_layout.hpp"
#include "ui/viewmodel/selection.hpp"

namespace fanlight::ui {

struct FlamePaint {
  const FlameTree& tree;
  const FlameLayout& layout;
  const FlameSearch& search;
  NodeId hovered = 0;  // 0: none
  NodeId zoom = 0;
  float left = 0, top = 0;                 // where row 0 begins
  float clip_top = 0, clip_bottom = 1e9f;  // rows outside are not painted
  Colouring colouring = Colouring::module;
  bool upward = false;  // row 0 lies at the bottom of `rows` rows, callers above it
  std::uint16_t rows = 0;
};

/// What the colours mean, for the legend: those that occur, at most `most`.
struct ColourKey {
  std::string text;
  Colour colour;
};
std::vector<ColourKey> colour_keys(const FlameTree& tree, const FlameLayout& layout, Colouring colouring,
                                   std::size_t most);

/// Height of a row, the gap below it included.
float flame_row_height(const Pen& pen);

/// Where a box is on the screen.
Rect flame_rect(const FlamePaint& paint, const FlameBox& box, const Pen& pen);

/// Cost: O(visible boxes).
void paint_flame(Drawing& drawing, const FlamePaint& paint, const Pen& pen);

/// What a box says: the name as people say it; the root says what all of it is.
std::string flame_label(const FlameTree& tree, NodeId node);

}  // namespace fanlight::ui
