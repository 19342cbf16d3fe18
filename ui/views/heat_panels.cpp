#include <algorithm>
#include <cmath>

#include "core/units.hpp"
#include "ui/views/paint_heatmap.hpp"
#include "ui/views/paint_plots.hpp"
#include "ui/views/paint_table.hpp"
#include "ui/views/panel.hpp"
#include "ui/views/panels.hpp"

namespace fanlight::ui {
namespace {

TimeSpan span_of(const Heatmap& map, bool live) {
  if (map.columns() == 0) return {};
  return {map.from_ns.front(), map.to_ns.back(), live};
}

void show_map(Ui& ui, PanelId id, const Heatmap& map, Rect rect, bool offsets) {
  const Panel panel(ui, id, map.name, rect, {});
  const Rect body = panel.body(), area = plot_area(body, ui.pen);
  const TimeSpan span = span_of(map, ui.live());
  ui.drawing.clear();
  paint_heatmap(ui.drawing, map, span, body, offsets, ui.pen);
  if (!map.missing.empty()) return draw_now(ui);
  paint_range(ui.drawing, span, area, {ui.scene->profile->from_ns, ui.scene->profile->to_ns}, ui.pen);
  const bool over = region("map", area);
  const bool dragging = drag_time(ui, offsets ? "offsets" : "heatmap", span, area);
  const ImVec2 mouse = ImGui::GetIO().MousePos;
  if (over) ui.shell->crosshair_ns = span.ns_at(mouse.x, area);
  show_crosshair(ui, span, area);
  draw_now(ui);
  if (offsets || ui.scene->heatmap_metrics.size() < 2) {
    if (!over || dragging) return;
  } else {
    ImGui::EndChild();
    const Rect head = panel.head();
    ImGui::SetCursorScreenPos({head.x, head.y + std::floor((head.h - std::round(ui.pen.px(20))) / 2)});
    float used = 0;
    for (const std::string& metric : ui.scene->heatmap_metrics) {
      const std::string title = metric_title(metric);
      used += ui.pen.measure(title, Face::small) + ui.pen.px(22);
      if (used > head.w) break;
      const bool chosen = title == map.name;
      if (small_button(ui, title.c_str(), chosen)) {
        ui.heatmap = metric;
        ui.heatmap_chosen = true;
      }
      ImGui::SameLine(0, 2);
    }
    ImGui::SetCursorScreenPos({body.x, body.y});
    ImGui::BeginChild("after", {1, 1}, false, ImGuiWindowFlags_NoBackground | ImGuiWindowFlags_NoInputs);
    if (!over || dragging) return;
  }
  const auto cell = cell_at(map, span, body, mouse.x, mouse.y, ui.pen);
  if (!cell) return;
  const double count = map.at(cell->first, cell->second);
  if (offsets) {
    const double ms = 1000.0 / static_cast<double>(map.rows);
    char words[160];
    std::snprintf(words, sizeof words, "%.0f to %.0f ms of the second\n%.2f threads running",
                  ms * static_cast<double>(cell->second), ms * static_cast<double>(cell->second + 1), count);
    return tooltip(ui, words);
  }
  const auto [low, high] = map.values_of(cell->second);
  const double seconds = static_cast<double>(map.to_ns[cell->first] - map.from_ns[cell->first]) / 1e9;
  tooltip(ui, format_ns(static_cast<double>(low)) + " to " + format_ns(static_cast<double>(high)) + "\n" +
                  format_count(count * seconds) + " in " + format_ns(seconds * 1e9) +
                  "\ndrag: look at this time in every panel");
}

}  // namespace

void show_heatmap(Ui& ui, Rect rect) { show_map(ui, PanelId::heatmap, ui.scene->latency_map, rect, false); }
void show_offsets(Ui& ui, Rect rect) { show_map(ui, PanelId::offsets, ui.scene->offset_map, rect, true); }

void show_histograms(Ui& ui, PanelId id, const char* group, Rect rect) {
  std::vector<NamedHistogram> shown;
  for (const NamedHistogram& one : ui.scene->histograms)
    if (one.group == group) shown.push_back(one);
  const Panel panel(ui, id, rect, shown.empty() ? "" : "heights by the root of the count");
  const Rect body = panel.body();
  ui.drawing.clear();
  if (shown.empty()) {
    const std::string_view words(group);
    paint_words(ui.drawing,
                words == "latency"
                    ? "The target counts no latency of its own (docs/instrument.md), and the kernel measured none "
                      "of its writes: they are timed in windows, once it writes to TCP."
                : words == "locks" ? "No thread waited for a lock in this time."
                : words == "maps"  ? "No operation on a BPF map or on the target's registry in this time."
                                   : "No thread waited for a CPU in this time, or its waits were not measured.",
                body, kFaint, ui.pen);
    return draw_now(ui);
  }
  const HistogramFrame frame = histogram_frame(shown, body, ui.pen);
  const bool over = region("axis", body);
  const ImVec2 mouse = ImGui::GetIO().MousePos;
  const std::string where = std::string("histogram ") + group;
  if (ImGui::IsItemActivated() && ImGui::IsMouseClicked(ImGuiMouseButton_Left)) ui.drag = {where, mouse.x, mouse.y};
  std::optional<std::pair<double, double>> chosen = ui.histogram_range;
  if (ui.drag.where == where) {
    const auto pair = std::minmax(frame.ns_at(ui.drag.from_x), frame.ns_at(mouse.x));
    const bool wide = std::fabs(mouse.x - ui.drag.from_x) >= ui.pen.px(4);
    chosen = wide ? std::optional(std::pair<double, double>(pair)) : std::nullopt;
    if (!ImGui::IsItemActive()) {
      ui.histogram_range = chosen;
      ui.drag = {};
    }
  }
  paint_histograms(ui.drawing, shown, body, chosen, ui.pen);
  draw_now(ui);
  if (!over) return;
  if (chosen) {
    std::string words = format_ns(chosen->first) + " to " + format_ns(chosen->second);
    for (const NamedHistogram& one : shown) {
      const double inside = count_between(one.histogram, chosen->first, chosen->second);
      words += "\n" + format_count(inside) + " of " + one.name + ", " +
               percent_text(inside / static_cast<double>(one.histogram.count()));
    }
    return tooltip(ui, words + "\nclick: no stretch");
  }
  tooltip(ui, format_ns(frame.ns_at(mouse.x)) + "\ndrag: how many lie in a stretch");
}

}  // namespace fanlight::ui
