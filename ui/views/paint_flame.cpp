#include "ui/views/paint_flame.hpp"

#include <cmath>

#include "core/units.hpp"

namespace fanlight::ui {
namespace {

Colour box_colour(const FlamePaint& paint, const FlameBox& box) {
  const FlameNode& node = paint.tree.nodes[box.node];
  Colour colour = flame_colour(node.origin, paint.tree.module_of(box.node), paint.tree.name_of(box.node));
  if (box.node == 0) colour = rgb(0x3b4859);
  if (box.merged) colour = mix(colour, kPanel, 0.35f);
  if (paint.search.active) colour = paint.search.matches[node.name] ? kMatch : mix(colour, kPanel, 0.62f);
  // Above the zoomed box: where it lies, not what is looked at.
  if (paint.zoom != 0 && node.depth < paint.tree.nodes[paint.zoom].depth) colour = mix(colour, kPanel, 0.5f);
  if (paint.hovered != 0 && box.node == paint.hovered) colour = mix(colour, rgb(0xffffff), 0.35f);
  return colour;
}

std::string weight_text(const FlameTree& tree, std::uint64_t weight) {
  return tree.unit == "bytes" ? format_bytes(static_cast<double>(weight)) : format_ns(static_cast<double>(weight));
}

/// Where the whole name does not fit, its leading namespaces go first: "Worker::run" says more than "fanlight::ser...".
std::string narrow_label(const FlameTree& tree, NodeId node, float width, const Pen& pen) {
  std::string_view name;
  const std::string whole = flame_label(tree, node);
  name = whole;
  if (tree.nodes[node].origin == profile::FrameOrigin::user && !name.starts_with('[')) {
    for (std::size_t colons = name.find("::");
         colons != std::string_view::npos && pen.measure(name, Face::small) > width; colons = name.find("::"))
      name.remove_prefix(colons + 2);
  }
  return fit(name, width, Face::small, pen.measure);
}

}  // namespace

float flame_row_height(const Pen& pen) { return std::round(pen.px(19)); }

Rect flame_rect(const FlamePaint& paint, const FlameBox& box, const Pen& pen) {
  const float height = flame_row_height(pen);
  return {paint.left + box.x, paint.top + static_cast<float>(box.row) * height, box.w, height};
}

std::string flame_label(const FlameTree& tree, NodeId node) {
  if (node == 0) return "all " + tree.view + " \u00b7 " + weight_text(tree, tree.root().total);
  const FlameNode& at = tree.nodes[node];
  std::string name =
      at.origin == profile::FrameOrigin::marker ? std::string(tree.name_of(node)) : short_name(tree.name_of(node));
  return name;
}

void paint_flame(Drawing& drawing, const FlamePaint& paint, const Pen& pen) {
  const float pad = std::round(pen.px(4));
  const float narrowest_label = pen.px(30);
  for (const FlameBox& box : paint.layout.boxes) {
    Rect rect = flame_rect(paint, box, pen);
    if (rect.y + rect.h < paint.clip_top || rect.y > paint.clip_bottom) continue;
    const float text_y = rect.y + std::floor((rect.h - 1 - pen.height(Face::small)) / 2);
    if (rect.w > 3) rect.w -= 1;
    rect.h -= 1;
    const Colour colour = box_colour(paint, box);
    drawing.fill(rect, colour);
    if (box.merged || rect.w < narrowest_label) continue;
    const std::string text = narrow_label(paint.tree, box.node, rect.w - 2 * pad, pen);
    if (!text.empty()) drawing.label(rect.x + pad, text_y, Face::small, text_on(colour), text);
  }
}

}  // namespace fanlight::ui
