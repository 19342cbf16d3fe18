#include "ui/views/paint_flame.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/units.hpp"

namespace fanlight::ui {
namespace {

/// Before search, zoom and pointer have their say.
Colour plain_colour(const FlameTree& tree, NodeId id, Colouring colouring) {
  const FlameNode& node = tree.nodes[id];
  switch (colouring) {
    case Colouring::module: break;
    case Colouring::state: {
      const Colour colour = colour_of(node.reason);
      return mix(colour, rgb(0xffffff), static_cast<float>(node.name % 7) * 0.03f);
    }
    case Colouring::label:
      return tree.names[node.label].empty() ? mix(kMuted, kPanel, 0.6f) : name_colour(tree.names[node.label]);
    case Colouring::change: {
      if (!tree.compared || !node.changed(tree.root().total)) return change_colour(0);
      const double change = static_cast<double>(node.total) - static_cast<double>(node.before);
      // Against the larger of both: what is new is as red as it gets, what doubled is half of it.
      return change_colour(change / static_cast<double>(std::max<std::uint64_t>(1, std::max(node.total, node.before))));
    }
  }
  return flame_colour(node.origin, tree.module_of(id), tree.name_of(id));
}

Colour box_colour(const FlamePaint& paint, const FlameBox& box) {
  const FlameNode& node = paint.tree.nodes[box.node];
  Colour colour = plain_colour(paint.tree, box.node, paint.colouring);
  if (box.node == 0) colour = mix(kMuted, kPanel, 0.6f);
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
  const int row = paint.upward ? paint.rows - 1 - box.row : box.row;
  return {paint.left + box.x, paint.top + static_cast<float>(row) * height, box.w, height};
}

std::string flame_label(const FlameTree& tree, NodeId node) {
  if (node == 0) return "all " + tree.view + " \u00b7 " + weight_text(tree, tree.root().total);
  const FlameNode& at = tree.nodes[node];
  std::string name =
      at.origin == profile::FrameOrigin::marker ? std::string(tree.name_of(node)) : short_name(tree.name_of(node));
  return name;
}

std::vector<ColourKey> colour_keys(const FlameTree& tree, const FlameLayout& layout, Colouring colouring,
                                   std::size_t most) {
  std::map<std::string, std::pair<double, Colour>> seen;  // width of the boxes with it
  for (const FlameBox& box : layout.boxes) {
    const FlameNode& node = tree.nodes[box.node];
    if (box.node == 0 || box.merged || colouring == Colouring::change) continue;
    std::string words;
    if (colouring == Colouring::state) {
      words = name_of(node.reason);
    } else if (colouring == Colouring::label) {
      words = tree.names[node.label].empty() ? "no label" : tree.names[node.label];
    } else if (node.origin == profile::FrameOrigin::kernel) {
      words = "kernel";
    } else if (node.origin == profile::FrameOrigin::user) {
      const std::string_view module = tree.module_of(box.node);
      words = module.substr(module.rfind('/') + 1);
      if (words.empty()) words = "unknown module";
    } else {
      continue;
    }
    auto& [width, colour] = seen[words];
    width += static_cast<double>(box.w);
    const Colouring by = colouring;
    colour = by == Colouring::module ? flame_colour(node.origin, tree.module_of(box.node), "m")
                                     : plain_colour(tree, box.node, by);
  }
  if (colouring == Colouring::change)
    return {{"grew", change_colour(1)}, {"shrank", change_colour(-1)}, {"within chance", change_colour(0)}};
  std::vector<std::pair<std::string, std::pair<double, Colour>>> order(seen.begin(), seen.end());
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.second.first > b.second.first; });
  if (order.size() > most) order.resize(most);
  std::vector<ColourKey> keys;
  for (const auto& [words, value] : order) keys.push_back({words, value.second});
  return keys;
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
