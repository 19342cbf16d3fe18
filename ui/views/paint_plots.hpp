// Numbers over time, painted. In: series. Out: fills and labels; every datum is a filled rectangle.
#pragma once

#include <functional>
#include <span>

#include "ui/canvas/drawing.hpp"
#include "ui/viewmodel/series.hpp"

namespace fanlight::ui {

/// The stretch of time that a plot's width stands for.
struct TimeSpan {
  std::uint64_t begin_ns = 0, end_ns = 0;
  bool live = false;  // labels count back from the right edge, otherwise on from the left
  float x_of(std::uint64_t ns, const Rect& area) const;
  std::uint64_t ns_at(float x, const Rect& area) const;
};

/// Recording: all of it, exactly. Live: the newest data at the right edge of 10, 15, 30, 60 or 120 seconds.
TimeSpan time_span(const TimeAxis& time, bool live);

/// Below a plot: how long ago, or how far in.
void paint_time_labels(Drawing& drawing, const Rect& area, const TimeSpan& span, const Pen& pen);

/// The inner part of a plot, where the data are.
Rect plot_area(const Rect& rect, const Pen& pen);

/// A legend entry.
struct Key {
  std::string text;
  Colour colour;
};

/// Threads per band, stacked; idle, on top, is cut where it would dwarf the rest. Seconds with losses are marked red at
/// the upper edge. `range` is underlined. Nothing to show: says so.
void paint_states(Drawing& drawing, const Series& series, const TimeSpan& span, Rect rect,
                  std::pair<std::uint64_t, std::uint64_t> range, const Pen& pen);

/// Underlines the stretch that the panels are of.
void paint_range(Drawing& drawing, const TimeSpan& span, const Rect& area,
                 std::pair<std::uint64_t, std::uint64_t> range, const Pen& pen);

/// The bands that occur, with their share of all of the time plotted, largest first; before them, losses where there
/// were any.
std::vector<Key> state_keys(const Series& series);

/// Lines over one axis that begins at 0. `text` makes the axis labels; `missing` is why there may be no line.
struct PlottedLine {
  const Line* line = nullptr;
  Colour colour;
  bool filled = false;
};
void paint_lines(Drawing& drawing, std::span<const PlottedLine> lines, const TimeAxis& time, const TimeSpan& span,
                 Rect rect, const std::function<std::string(double)>& text, const Pen& pen,
                 std::string_view missing = {});

/// The legend, from the left of `rect`; entries that no longer fit are left out.
void paint_keys(Drawing& drawing, std::span<const Key> keys, Rect rect, const Pen& pen);

/// A small curve without axes.
void paint_sparkline(Drawing& drawing, const Line& line, Rect rect, Colour colour);

/// One bar, divided by band; a band narrower than half a pixel is left out.
void paint_band_bar(Drawing& drawing, const std::array<std::uint64_t, kBands.size()>& bands, Rect rect);

}  // namespace fanlight::ui
