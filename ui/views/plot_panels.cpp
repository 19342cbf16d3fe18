#include <algorithm>
#include <array>
#include <cmath>

#include "core/units.hpp"
#include "ui/views/paint_cards.hpp"
#include "ui/views/paint_plots.hpp"
#include "ui/views/panel.hpp"
#include "ui/views/panels.hpp"

namespace fanlight::ui {
namespace {

std::string point_time(const TimeSpan& span, std::uint64_t ns) {
  if (span.live) return format_ns(static_cast<double>(span.end_ns - std::min(ns, span.end_ns))) + " ago";
  return "at " + format_ns(static_cast<double>(ns - std::min(ns, span.begin_ns)));
}

/// The point under the mouse, or none.
std::optional<std::size_t> point_under_mouse(const TimeAxis& time, const TimeSpan& span, const Rect& area) {
  const ImVec2 mouse = ImGui::GetIO().MousePos;
  if (!area.contains(mouse.x, mouse.y)) return std::nullopt;
  const std::uint64_t at = span.ns_at(mouse.x, area);
  for (std::size_t i = 0; i < time.size(); ++i)
    if (at >= time.from_ns[i] && at < time.to_ns[i]) return i;
  return std::nullopt;
}

void states_tooltip(Ui& ui, const Series& series, const TimeSpan& span, std::size_t point) {
  const Tooltip open(ui);
  ImGui::TextColored(vec(kMuted), "%s, threads on average", point_time(span, series.time.from_ns[point]).c_str());
  for (std::size_t band = kBands.size(); band-- > 0;) {
    const double threads = series.threads[band][point];
    if (threads <= 0.0005) continue;
    const ImVec2 at = ImGui::GetCursorScreenPos();
    const float side = ui.pen.px(9);
    ImGui::GetWindowDrawList()->AddRectFilled({at.x, at.y + 2}, {at.x + side, at.y + 2 + side},
                                              packed(colour_of(kBands[band])));
    ImGui::Dummy({side, side});
    ImGui::SameLine();
    ImGui::TextUnformatted(std::string(band_name(band)).c_str());
    ImGui::SameLine(ui.pen.px(155));
    ImGui::Text("%.2f", threads);
  }
  if (series.losses[point] > 0)
    ImGui::TextColored(vec(kBad), "%s records lost", format_count(series.losses[point]).c_str());
}

std::string count_axis(double value) { return value == 0 ? "0" : format_count(value); }
std::string time_axis(double ns) { return ns == 0 ? "0" : format_ns(ns); }

void note_crosshair(Ui& ui, const TimeSpan& span, const Rect& area) {
  const ImVec2 mouse = ImGui::GetIO().MousePos;
  if (area.contains(mouse.x, mouse.y)) ui.shell->crosshair_ns = span.ns_at(mouse.x, area);
}

struct LinePlot {
  PanelId id;
  std::string_view title;
  std::vector<PlottedLine> lines;
  std::string (*text)(double);
  std::string_view missing;
};

void show_lines(Ui& ui, Rect rect, const LinePlot& plot) {
  const Panel panel(ui, plot.id, plot.title, rect, {});
  const Series& series = ui.scene->series;
  const TimeSpan span = time_span(series.time, ui.live());
  std::vector<PlottedLine> lines;
  std::vector<Key> keys;
  for (const PlottedLine& line : plot.lines) {
    if (!line.line->last()) continue;
    lines.push_back(line);
    keys.push_back({line.line->name + " " + plot.text(*line.line->last()), line.colour});
  }
  const Rect body = panel.body(), area = plot_area(body, ui.pen);
  ui.drawing.clear();
  paint_lines(ui.drawing, lines, series.time, span, body, plot.text, ui.pen, plot.missing);
  paint_range(ui.drawing, span, area, {ui.scene->profile->from_ns, ui.scene->profile->to_ns}, ui.pen);
  const bool over = region("time", area);
  const bool dragging = drag_time(ui, plot.title.data(), span, area);
  if (over) note_crosshair(ui, span, area);
  show_crosshair(ui, span, area);
  draw_now(ui);
  paint_keys(ui.drawing, keys, panel.head(), ui.pen);
  draw_unclipped(ui);
  const auto point = over && !dragging ? point_under_mouse(series.time, span, area) : std::nullopt;
  if (!point) return;
  const Tooltip open(ui);
  ImGui::TextColored(vec(kMuted), "%s", point_time(span, series.time.from_ns[*point]).c_str());
  for (const PlottedLine& line : lines)
    if (line.line->values[*point])
      ImGui::Text("%s  %s", line.line->name.c_str(), plot.text(*line.line->values[*point]).c_str());
}

}  // namespace

void show_states(Ui& ui, Rect rect) {
  const Panel panel(ui, PanelId::states, rect);
  const Series& series = ui.scene->series;
  const TimeSpan span = time_span(series.time, ui.live());
  const Rect body = panel.body(), area = plot_area(body, ui.pen);
  ui.drawing.clear();
  paint_states(ui.drawing, series, span, body, {ui.scene->profile->from_ns, ui.scene->profile->to_ns}, ui.pen);
  const bool over = region("time", area);
  const bool dragging = drag_time(ui, "states", span, area);
  if (over) note_crosshair(ui, span, area);
  show_crosshair(ui, span, area);
  draw_now(ui);
  paint_keys(ui.drawing, state_keys(series), panel.head(), ui.pen);
  draw_unclipped(ui);
  if (over && !dragging)
    if (const auto point = point_under_mouse(series.time, span, area)) states_tooltip(ui, series, span, *point);
}

void show_throughput(Ui& ui, Rect rect) {
  const Series& series = ui.scene->series;
  show_lines(ui, rect,
             {PanelId::throughput,
              "Throughput",
              {PlottedLine{&series.throughput_a, kSeriesC, true}, PlottedLine{&series.throughput_b, kSeriesA}},
              count_axis,
              series.throughput_missing});
}

void show_latency(Ui& ui, Rect rect) {
  const Series& series = ui.scene->series;
  show_lines(ui, rect,
             {PanelId::latency,
              series.latency_name,
              {PlottedLine{&series.latency_p999, kBad}, PlottedLine{&series.latency_p99, kSeriesB, true},
               PlottedLine{&series.latency_p50, kSeriesA}},
              time_axis,
              series.latency_missing});
}

void show_errors(Ui& ui, Rect rect) {
  const Series& series = ui.scene->series;
  show_lines(ui, rect,
             {PanelId::errors,
              "Errors and losses",
              {PlottedLine{&series.errors, kBad, true}, PlottedLine{&series.would_block, kSeriesB},
               PlottedLine{&series.lost, kMatch}},
              count_axis,
              series.errors_missing});
}

void show_cards(Ui& ui, Rect rect) {
  if (ui.widgets != nullptr) ui.widgets->panels.push_back({"Cards", rect});
  ui.drawing.clear();
  paint_cards(ui.drawing, ui.scene->cards, rect, ui.pen);
  draw_now(ui);
}

}  // namespace fanlight::ui
