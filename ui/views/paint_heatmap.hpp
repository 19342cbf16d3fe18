// Heatmaps and histograms, painted. In: cells, counts. Out: fills and labels.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>

#include "ui/canvas/drawing.hpp"
#include "ui/viewmodel/heatmap.hpp"
#include "ui/viewmodel/histogram_set.hpp"
#include "ui/views/paint_plots.hpp"

namespace fanlight::ui {

/// `chosen`: a box of time and rows that is outlined. Cells of no count are left blank; colour rises with the logarithm
/// of the count, since the rare ones are what one looks for.
void paint_heatmap(Drawing& drawing, const Heatmap& map, const TimeSpan& span, const Rect& rect, bool offsets,
                   const Pen& pen);

/// The cell under a point.
std::optional<std::pair<std::size_t, std::size_t>> cell_at(const Heatmap& map, const TimeSpan& span, const Rect& rect,
                                                           float x, float y, const Pen& pen);

struct HistogramFrame {
  Rect area;
  double low_ns = 1, high_ns = 2;  // of the axis; logarithmic
  double ns_at(float x) const;
  float x_of(double ns) const;
};
/// The axis that holds all of them.
HistogramFrame histogram_frame(std::span<const NamedHistogram> shown, const Rect& rect, const Pen& pen);

/// One below the other over one logarithmic axis, each as high as its own most frequent value, with its p50, p99 and
/// p99.9 marked; as many as fit. `chosen` in ns: a stretch of the axis that is set off.
void paint_histograms(Drawing& drawing, std::span<const NamedHistogram> shown, const Rect& rect,
                      std::optional<std::pair<double, double>> chosen, const Pen& pen);

}  // namespace fanlight::ui
