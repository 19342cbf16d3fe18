#include "ui/views/paint_timeline.hpp"

#include <algorithm>
#include <cmath>

#include "core/units.hpp"

namespace fanlight::ui {
namespace {

std::string offset_text(double ns) {
  if (ns == 0) return "0";
  return (ns < 0 ? "-" : "+") + format_ns(std::fabs(ns));
}

void paint_axis(Drawing& drawing, const TimelinePaint& paint, const TimelineFrame& at, const Pen& pen) {
  const TimelineView& view = paint.view;
  const auto steps = static_cast<int>(std::clamp(at.area.w / pen.px(130), 2.0f, 12.0f));
  const double from = static_cast<double>(view.from_ns) - static_cast<double>(paint.origin_ns);
  // Three digits of seconds cannot tell milliseconds apart: close up, times count on from the left edge.
  const bool close = static_cast<double>(view.to_ns - view.from_ns) * 20 < std::fabs(from);
  for (int i = 0; i <= steps; ++i) {
    const float x = std::round(at.area.x + at.area.w * static_cast<float>(i) / static_cast<float>(steps));
    drawing.fill({x, at.area.y, 1, at.area.h}, kGrid);
    const double inside = static_cast<double>(view.to_ns - view.from_ns) * i / steps;
    const double ns = from + inside;
    std::string words = paint.live && i == steps && std::fabs(ns) < 1e6 ? "now" : offset_text(ns);
    if (close && i > 0) words = offset_text(inside);
    const float width = pen.measure(words, Face::small);
    drawing.label(std::clamp(x - width / 2, at.area.x - width / 3, at.area.x + at.area.w - width),
                  at.axis.y + pen.px(3), Face::small, kFaint, words);
  }
}

}  // namespace

TimelineFrame timeline_frame(const Rect& rect, std::size_t lanes, const Pen& pen) {
  TimelineFrame at;
  const float names = std::round(std::min(pen.px(150), rect.w * 0.25f)), below = std::round(pen.px(20));
  const float pad = std::round(pen.px(9));
  const float height = std::max(0.0f, rect.h - below - pad / 2);
  const float each = height / static_cast<float>(std::max<std::size_t>(1, lanes));
  at.lane_height = std::floor(std::clamp(each, pen.px(20), pen.px(56)));
  at.lanes = static_cast<std::size_t>(std::max(0.0f, height / at.lane_height));
  at.names = {rect.x + pad, rect.y + pad / 2, std::max(0.0f, names - 2 * pad), height};
  at.area = {rect.x + names, rect.y + pad / 2, std::max(0.0f, rect.w - names - pad), height};
  at.axis = {at.area.x, at.area.y + at.area.h, at.area.w, below};
  return at;
}

const TimelineBar* bar_at(const TimelineLane& lane, float x, float share) {
  const auto after = std::upper_bound(lane.bars.begin(), lane.bars.end(), x,
                                      [](float value, const TimelineBar& bar) { return value < bar.x; });
  // Those of one column stand next to each other, with the same left edge.
  const TimelineBar* found = nullptr;
  for (auto bar = after; bar != lane.bars.begin();) {
    --bar;
    if (x >= bar->x && x < bar->x + bar->w && share >= bar->low && share <= bar->high) return &*bar;
    if (bar->x + bar->w * 2 < x && after - bar > 64) break;
  }
  return found;
}

void paint_timeline(Drawing& drawing, const TimelinePaint& paint, const Rect& rect, const Pen& pen) {
  const TimelineFrame at = timeline_frame(rect, paint.view.lanes.size() + paint.hidden, pen);
  const TimelineView& view = paint.view;
  paint_axis(drawing, paint, at, pen);
  const float gap = std::max(1.0f, std::round(pen.px(3)));
  for (std::size_t i = 0; i < view.lanes.size(); ++i) {
    const TimelineLane& lane = view.lanes[i];
    const float top = at.area.y + static_cast<float>(i) * at.lane_height;
    const float height = at.lane_height - gap;
    const bool dimmed =
        !paint.chosen.empty() && std::find(paint.chosen.begin(), paint.chosen.end(), lane.name) == paint.chosen.end();
    drawing.fill({at.area.x, top, at.area.w, height}, kGrid);
    for (const TimelineBar& bar : lane.bars) {
      const Rect box{at.area.x + bar.x, top + height * (1 - bar.high), bar.w, height * (bar.high - bar.low)};
      if (dimmed) {
        drawing.fill(box, mix(bar.kernel ? palette().kernel : colour_of(bar.reason), kPanel, 0.72f));
      } else if (bar.kernel) {
        drawing.fill(box, palette().kernel);
      } else {
        drawing.fill_state(box, bar.reason);
      }
    }
    const float text_y = top + std::floor((height - pen.height(Face::small)) / 2);
    char busy[16];
    std::snprintf(busy, sizeof busy, "%.0f %%", lane.busy * 100);
    const float width = pen.measure("100 %", Face::small);
    const Colour colour = dimmed ? kFaint : static_cast<int>(i) == paint.hovered ? kAccent : kText;
    drawing.label(at.names.x, text_y, Face::small, colour,
                  fit(lane.name, at.names.w - width - pen.px(6), Face::small, pen.measure));
    drawing.label(at.names.x + at.names.w - pen.measure(busy, Face::small), text_y, Face::small, kMuted, busy);
  }
  const float middle = (at.lane_height - gap) / 2, thin = std::max(1.0f, std::floor(pen.scale));
  for (const WakeArrow& arrow : view.arrows) {
    const float x = at.area.x + arrow.x, to = at.area.y + static_cast<float>(arrow.to) * at.lane_height + middle;
    const Colour colour = with_alpha(kAccent, 190);
    if (arrow.from == WakeArrow::kNobody) {
      drawing.fill({x - 1, to - middle, 2, middle}, colour);
      continue;
    }
    const float from = at.area.y + static_cast<float>(arrow.from) * at.lane_height + middle;
    drawing.fill({x, std::min(from, to), thin, std::fabs(to - from)}, colour);
    drawing.fill({x - 2, to - 2, 5, 4}, colour);
  }
  if (paint.hidden > 0) {
    const std::string words = std::to_string(paint.hidden) + " more: scroll";
    drawing.label(at.names.x, at.axis.y + pen.px(3), Face::small, kMuted, words);
  }
}

}  // namespace fanlight::ui
