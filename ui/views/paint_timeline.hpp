// The thread timeline, painted. In: lanes of bars. Out: fills and labels.
#pragma once

#include <span>
#include <string>

#include "ui/canvas/drawing.hpp"
#include "ui/viewmodel/timeline_view.hpp"

namespace fanlight::ui {

/// Where things are within the panel.
struct TimelineFrame {
  Rect names;  // left of the lanes
  Rect area;   // the lanes
  Rect axis;   // below them
  float lane_height = 0;
  std::size_t lanes = 0;  // that fit
};
/// `lanes`: how many there are in all; few of them are made tall, since a column's states stand one on the other.
TimelineFrame timeline_frame(const Rect& rect, std::size_t lanes, const Pen& pen);

struct TimelinePaint {
  const TimelineView& view;
  std::span<const std::string> chosen{};  // names of threads; the others are dimmed
  int hovered = -1;                       // lane
  std::uint64_t origin_ns = 0;            // what times are told from
  bool live = false;                      // counted back from `origin_ns`, otherwise on from it
  std::size_t hidden = 0;                 // lanes above and below that are not shown
};

void paint_timeline(Drawing& drawing, const TimelinePaint& paint, const Rect& rect, const Pen& pen);

/// The bar under a point of a lane, nullptr where there is none.
const TimelineBar* bar_at(const TimelineLane& lane, float x, float share_of_height);

}  // namespace fanlight::ui
