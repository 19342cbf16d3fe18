#include "ui/views/paint_plots.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "core/units.hpp"

namespace fanlight::ui {
namespace {

void label_right(Drawing& drawing, float right, float y, Colour colour, const std::string& text, const Pen& pen) {
  drawing.label(right - pen.measure(text, Face::small), y, Face::small, colour, text);
}

std::string span_text(double seconds) {
  char text[32];
  if (seconds >= 120)
    std::snprintf(text, sizeof text, "%.0f min", seconds / 60);
  else
    std::snprintf(text, sizeof text, "%.3g s", seconds);
  return text;
}

/// The frame that all plots share: horizontal lines with numbers, four stretches of time.
void paint_axes(Drawing& drawing, const Rect& area, const TimeSpan& span, const Axis& axis,
                const std::function<std::string(double)>& text, const Pen& pen) {
  const float line = std::max(1.0f, std::floor(pen.scale));
  const float half = std::floor(pen.height(Face::small) / 2);
  const bool low = area.h < pen.px(70);
  for (int i = 0; i <= axis.steps; ++i) {
    const float y = std::round(area.y + area.h * (1 - static_cast<float>(i) / static_cast<float>(axis.steps)));
    drawing.fill({area.x, y, area.w, line}, i == 0 ? kLine : kGrid);
    if (low && i % axis.steps != 0) continue;
    label_right(drawing, area.x - pen.px(6), y - half, kMuted, text(axis.at(i)), pen);
  }
  paint_time_labels(drawing, area, span, pen);
}

void paint_nothing(Drawing& drawing, const Rect& area, std::string_view all, const Pen& pen) {
  const std::string words = fit(all, area.w, Face::regular, pen.measure);
  const float width = pen.measure(words, Face::regular);
  drawing.label(area.x + (area.w - width) / 2, area.y + area.h / 2 - pen.height(Face::regular) / 2, Face::regular,
                kFaint, words);
}

/// From one value to the next in steps: each point holds for the whole of its time.
void paint_step_line(Drawing& drawing, const PlottedLine& plotted, const TimeAxis& time, const TimeSpan& span,
                     const Rect& area, double top, const Pen& pen) {
  const float thick = std::max(1.0f, std::round(pen.px(2)));
  bool connected = false;  // to the point before; GCC 12 misjudges std::optional<float> here
  float before = 0;
  for (std::size_t i = 0; i < time.size(); ++i) {
    const auto value = plotted.line->values[i];
    if (!value) {
      connected = false;
      continue;
    }
    const float left = span.x_of(time.from_ns[i], area), right = span.x_of(time.to_ns[i], area);
    const auto share = static_cast<float>(std::clamp(*value / top, 0.0, 1.0));
    const float y = area.y + area.h * (1 - share);
    if (plotted.filled) drawing.fill({left, y, right - left, area.y + area.h - y}, with_alpha(plotted.colour, 46));
    if (connected)
      drawing.fill({left - thick / 2, std::min(before, y), thick, std::fabs(before - y) + thick}, plotted.colour);
    drawing.fill({left, y - thick / 2, right - left, thick}, plotted.colour);
    before = y - thick / 2;
    connected = true;
  }
}

}  // namespace

float TimeSpan::x_of(std::uint64_t ns, const Rect& area) const {
  if (end_ns <= begin_ns) return area.x;
  const double share =
      (static_cast<double>(ns) - static_cast<double>(begin_ns)) / static_cast<double>(end_ns - begin_ns);
  return area.x + area.w * static_cast<float>(std::clamp(share, 0.0, 1.0));
}

std::uint64_t TimeSpan::ns_at(float x, const Rect& area) const {
  if (!(area.w > 0)) return begin_ns;
  const double share = std::clamp(static_cast<double>((x - area.x) / area.w), 0.0, 1.0);
  if (end_ns <= begin_ns) return begin_ns;
  const auto length = static_cast<double>(end_ns - begin_ns);
  // 2^64 is a double and no std::uint64_t.
  if (share * length >= length) return end_ns;
  return begin_ns + static_cast<std::uint64_t>(share * length);
}

void paint_time_labels(Drawing& drawing, const Rect& area, const TimeSpan& span, const Pen& pen) {
  constexpr int kSteps = 4;
  const double seconds = static_cast<double>(span.end_ns - span.begin_ns) / 1e9;
  for (int i = 0; i <= kSteps; ++i) {
    const double share = static_cast<double>(i) / kSteps;
    std::string words;
    if (span.live)
      words = i == kSteps ? "now" : "-" + span_text(seconds * (1 - share));
    else
      words = i == 0 ? "0" : span_text(seconds * share);
    const float width = pen.measure(words, Face::small);
    const float centre = area.x + area.w * static_cast<float>(share) - width / 2;
    drawing.label(std::clamp(centre, area.x - width / 4, area.x + area.w - width), area.y + area.h + pen.px(4),
                  Face::small, kFaint, words);
  }
}

TimeSpan time_span(const TimeAxis& time, bool live) {
  TimeSpan span{.live = live};
  if (time.size() == 0) return span;
  span.begin_ns = time.from_ns.front();
  span.end_ns = time.to_ns.back();
  if (!live) return span;
  for (const std::uint64_t seconds : {10u, 15u, 30u, 60u, 120u}) {
    const std::uint64_t ns = seconds * 1'000'000'000u;
    if (span.end_ns - span.begin_ns > ns + ns / 50) continue;
    span.begin_ns = span.end_ns > ns ? span.end_ns - ns : 0;
    break;
  }
  return span;
}

Rect plot_area(const Rect& rect, const Pen& pen) {
  const float left = std::round(pen.px(52)), below = std::round(pen.px(20)), above = std::round(pen.px(6));
  return {rect.x + left, rect.y + above, std::max(0.0f, rect.w - left - std::round(pen.px(12))),
          std::max(0.0f, rect.h - above - below)};
}

void paint_states(Drawing& drawing, const Series& series, const TimeSpan& span, Rect rect,
                  std::pair<std::uint64_t, std::uint64_t> range, const Pen& pen) {
  const Rect area = plot_area(rect, pen);
  if (series.top <= 0) return paint_nothing(drawing, area, "no thread states: the kernel probes are off", pen);
  // Idle threads may be hundreds where one works; the rest must stay readable.
  // Threads come and go within a second, so a column may stand a little above a whole number.
  constexpr double kRagged = 0.97;
  const Axis axis = axis_for(
      kRagged * (series.top_without_idle > 0 ? std::min(series.top, series.top_without_idle * 2.5) : series.top), true);
  const double top = axis.top();
  paint_axes(drawing, area, span, axis, format_count, pen);
  for (std::size_t i = 0; i < series.time.size(); ++i) {
    const float left = std::round(span.x_of(series.time.from_ns[i], area));
    const float right = std::round(span.x_of(series.time.to_ns[i], area));
    const float gap = right - left > 6 ? 1 : 0;
    double height = 0;
    for (std::size_t band = 0; band < kBands.size(); ++band) {
      const double threads_in_band = series.threads[band][i];
      if (threads_in_band <= 0) continue;
      const auto from = static_cast<float>(std::min(1.0, height / top));
      height += threads_in_band;
      const auto to = static_cast<float>(std::min(1.0, height / top));
      drawing.fill_state({left, area.y + area.h * (1 - to), right - left - gap, area.h * (to - from)}, kBands[band]);
    }
    if (series.losses[i] > 0) drawing.fill({left, area.y, right - left - gap, std::round(pen.px(4))}, kBad);
  }
  paint_range(drawing, span, area, range, pen);
}

void paint_range(Drawing& drawing, const TimeSpan& span, const Rect& area,
                 std::pair<std::uint64_t, std::uint64_t> range, const Pen& pen) {
  const float from = span.x_of(std::max(range.first, span.begin_ns), area);
  const float to = span.x_of(std::min(range.second, span.end_ns), area);
  drawing.fill({from, area.y + area.h + 1, to - from, std::round(pen.px(2))}, kAccent);
}

std::vector<Key> state_keys(const Series& series) {
  std::array<double, kBands.size()> sums{};
  double all = 0;
  for (std::size_t band = 0; band < kBands.size(); ++band) {
    for (std::size_t i = 0; i < series.time.size(); ++i)
      sums[band] += series.threads[band][i] * static_cast<double>(series.time.to_ns[i] - series.time.from_ns[i]);
    all += sums[band];
  }
  // What no longer fits is left out at the end: that must be the smallest.
  std::array<std::size_t, kBands.size()> order{};
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return sums[a] > sums[b]; });
  std::vector<Key> keys;
  for (const std::size_t band : order) {
    if (sums[band] <= 0) continue;
    const std::string share = sums[band] < all * 0.0005 ? "<0.1 %" : format_share(sums[band], all);
    keys.push_back({std::string(band_name(band)) + " " + share, colour_of(kBands[band])});
  }
  const bool lossy = std::any_of(series.losses.begin(), series.losses.end(), [](double lost) { return lost > 0; });
  if (lossy) keys.insert(keys.begin(), {"records lost", kBad});
  return keys;
}

void paint_lines(Drawing& drawing, std::span<const PlottedLine> lines, const TimeAxis& time, const TimeSpan& span,
                 Rect rect, const std::function<std::string(double)>& text, const Pen& pen, std::string_view missing) {
  const Rect area = plot_area(rect, pen);
  double top = 0;
  bool any = false;
  for (const PlottedLine& plotted : lines) {
    top = std::max(top, plotted.line->top());
    any = any || plotted.line->last().has_value();
  }
  if (!any) return paint_nothing(drawing, area, missing.empty() ? "nothing counted in this time" : missing, pen);
  const Axis axis = axis_for(top * 1.05, false);
  paint_axes(drawing, area, span, axis, text, pen);
  for (const PlottedLine& plotted : lines) paint_step_line(drawing, plotted, time, span, area, axis.top(), pen);
}

void paint_keys(Drawing& drawing, std::span<const Key> keys, Rect rect, const Pen& pen) {
  const float square = std::round(pen.px(9));
  float x = rect.x;
  for (const Key& key : keys) {
    const float width = square + pen.px(5) + pen.measure(key.text, Face::small);
    if (x + width > rect.x + rect.w) break;
    drawing.fill({x, std::round(rect.y + (rect.h - square) / 2), square, square}, key.colour);
    drawing.label(x + square + pen.px(5), rect.y + std::floor((rect.h - pen.height(Face::small)) / 2), Face::small,
                  kMuted, key.text);
    x += width + pen.px(13);
  }
}

void paint_sparkline(Drawing& drawing, const Line& line, Rect rect, Colour colour) {
  const double top = line.top();
  if (top <= 0 || line.values.empty()) return;
  // The newest that fit at two pixels each.
  const std::size_t room = std::max<std::size_t>(1, static_cast<std::size_t>(rect.w / 2));
  const std::size_t begin = line.values.size() > room ? line.values.size() - room : 0;
  const std::size_t count = line.values.size() - begin;
  const float step = std::min(rect.w / static_cast<float>(count), rect.w / 12);
  float x = rect.x + rect.w - step * static_cast<float>(count);
  for (std::size_t i = begin; i < line.values.size(); ++i, x += step) {
    if (!line.values[i]) continue;
    const float height = std::max(1.0f, rect.h * static_cast<float>(*line.values[i] / top));
    drawing.fill({x, rect.y + rect.h - height, std::max(1.0f, step - 1), height}, colour);
  }
}

void paint_band_bar(Drawing& drawing, const std::array<std::uint64_t, kBands.size()>& bands, Rect rect) {
  double all = 0;
  for (const std::uint64_t ns : bands) all += static_cast<double>(ns);
  if (all <= 0) return;
  double sum = 0;
  for (std::size_t band = 0; band < kBands.size(); ++band) {
    const float from = rect.w * static_cast<float>(sum / all);
    sum += static_cast<double>(bands[band]);
    const float to = rect.w * static_cast<float>(sum / all);
    if (to - from >= 0.5f) drawing.fill({rect.x + from, rect.y, to - from, rect.h}, colour_of(kBands[band]));
  }
}

}  // namespace fanlight::ui
