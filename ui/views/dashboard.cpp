#include <algorithm>
#include <cmath>

#include "ui/views/panel.hpp"
#include "ui/views/panels.hpp"

namespace fanlight::ui {
namespace {

struct TablePanel {
  PanelId panel;
  TableId table;
};
constexpr TablePanel kTablePanels[] = {{PanelId::functions, TableId::functions},
                                       {PanelId::source, TableId::source},
                                       {PanelId::threads, TableId::threads},
                                       {PanelId::scheduler, TableId::scheduler},
                                       {PanelId::preemptions, TableId::preemptions},
                                       {PanelId::wakers, TableId::wakers},
                                       {PanelId::clients, TableId::clients},
                                       {PanelId::sockets, TableId::sockets},
                                       {PanelId::tcp, TableId::tcp},
                                       {PanelId::operations, TableId::operations},
                                       {PanelId::map_states, TableId::map_states},
                                       {PanelId::locks, TableId::locks},
                                       {PanelId::labels, TableId::labels},
                                       {PanelId::why, TableId::why},
                                       {PanelId::changes, TableId::changes},
                                       {PanelId::ledger, TableId::ledger},
                                       {PanelId::programs, TableId::programs},
                                       {PanelId::cross_check, TableId::cross_check},
                                       {PanelId::notes, TableId::notes}};

const Table* table_of(const Ui& ui, PanelId id) {
  for (const TablePanel& one : kTablePanels)
    if (one.panel == id) return &ui.scene->table(one.table);
  return nullptr;
}

std::string lines_csv(const TimeAxis& time, std::initializer_list<const Line*> lines) {
  std::string csv = "from_ns,to_ns";
  for (const Line* line : lines) csv += "," + csv_field(line->name);
  csv += "\r\n";
  for (std::size_t i = 0; i < time.size(); ++i) {
    csv += std::to_string(time.from_ns[i]) + "," + std::to_string(time.to_ns[i]);
    for (const Line* line : lines)
      csv += "," + (i < line->values.size() && line->values[i] ? std::to_string(*line->values[i]) : std::string());
    csv += "\r\n";
  }
  return csv;
}

std::string states_csv(const Series& series) {
  std::string csv = "from_ns,to_ns";
  for (std::size_t band = 0; band < kBands.size(); ++band) csv += "," + csv_field(band_name(band));
  csv += "\r\n";
  for (std::size_t i = 0; i < series.time.size(); ++i) {
    csv += std::to_string(series.time.from_ns[i]) + "," + std::to_string(series.time.to_ns[i]);
    for (const auto& band : series.threads) csv += "," + std::to_string(band[i]);
    csv += "\r\n";
  }
  return csv;
}

std::string heatmap_csv(const Heatmap& map) {
  std::string csv = "from_ns,to_ns,row,count_per_second\r\n";
  for (std::size_t column = 0; column < map.columns(); ++column)
    for (std::size_t row = 0; row < map.rows; ++row)
      if (map.at(column, row) > 0)
        csv += std::to_string(map.from_ns[column]) + "," + std::to_string(map.to_ns[column]) + "," +
               std::to_string(row) + "," + std::to_string(map.at(column, row)) + "\r\n";
  return map.columns() == 0 ? std::string() : csv;
}

std::string histograms_csv(const Scene& scene, std::string_view group) {
  std::string csv;
  for (const NamedHistogram& one : scene.histograms) {
    if (one.group != group) continue;
    const auto counts = one.histogram.counts();
    for (std::size_t i = 0; i < counts.size(); ++i)
      if (counts[i] > 0)
        csv += csv_field(one.name) + "," +
               std::to_string(fanlight_bucket_low(static_cast<unsigned>(i), KernelHistogram::kBits)) + "," +
               std::to_string(fanlight_bucket_low(static_cast<unsigned>(i) + 1, KernelHistogram::kBits)) + "," +
               std::to_string(counts[i]) + "\r\n";
  }
  return csv.empty() ? csv : "name,from_ns,to_ns,count\r\n" + csv;
}

std::string timeline_csv(const TimelineView& view) {
  std::string csv = "thread,tid,from_ns,to_ns,state,share\r\n";
  constexpr double kNone = 1e-9;
  for (const TimelineLane& lane : view.lanes) {
    float right = kNone;
    for (const TimelineBar& bar : lane.bars) right = std::max(right, bar.x + bar.w);
    for (const TimelineBar& bar : lane.bars) {
      const double per_pixel = static_cast<double>(view.to_ns - view.from_ns) / static_cast<double>(right);
      const auto at = [&](float x) {
        return view.from_ns + static_cast<std::uint64_t>(per_pixel * static_cast<double>(x));
      };
      csv += csv_field(lane.name) + "," + std::to_string(lane.tid) + "," + std::to_string(at(bar.x)) + "," +
             std::to_string(at(bar.x + bar.w)) + "," + csv_field(name_of(bar.reason)) + "," +
             std::to_string(bar.high - bar.low) + "\r\n";
    }
  }
  return csv;
}

void drag_gaps(Ui& ui, Page& page, const Arranged& arranged, const Rect& area) {
  for (std::size_t i = 0; i < arranged.gaps.size(); ++i) {
    const Gap& gap = arranged.gaps[i];
    ImGui::PushID(static_cast<int>(i));
    region("gap", gap.rect);
    ImGui::SetItemAllowOverlap();
    name_item(ui, "gap " + std::to_string(i), gap.rect);
    if (ImGui::IsItemHovered() || ImGui::IsItemActive())
      ImGui::SetMouseCursor(gap.between_rows ? ImGuiMouseCursor_ResizeNS : ImGuiMouseCursor_ResizeEW);
    if (ImGui::IsItemActive()) {
      const ImVec2 moved = ImGui::GetIO().MouseDelta;
      drag_gap(page, gap, gap.between_rows ? moved.y : moved.x, area);
    }
    if (ImGui::IsItemDeactivated()) ui.shell->wishes.push_back({Wish::What::save});
    ImGui::PopID();
  }
}

}  // namespace

std::string panel_csv(Ui& ui, PanelId id) {
  if (ui.scene == nullptr) return {};
  const Scene& scene = *ui.scene;
  if (const Table* table = table_of(ui, id))
    return table->rows.empty() ? std::string()
                               : to_csv(*table, arranged(*table, ui.tables[static_cast<std::size_t>(id)].order));
  const Series& series = scene.series;
  switch (id) {
    case PanelId::states: return states_csv(series);
    case PanelId::throughput: return lines_csv(series.time, {&series.throughput_a, &series.throughput_b});
    case PanelId::latency:
      return lines_csv(series.time, {&series.latency_p50, &series.latency_p99, &series.latency_p999});
    case PanelId::errors: return lines_csv(series.time, {&series.errors, &series.would_block, &series.lost});
    case PanelId::heatmap: return heatmap_csv(scene.latency_map);
    case PanelId::offsets: return heatmap_csv(scene.offset_map);
    case PanelId::histograms: return histograms_csv(scene, "latency");
    case PanelId::run_queue: return histograms_csv(scene, "scheduler");
    case PanelId::lock_waits: return histograms_csv(scene, "locks");
    case PanelId::map_latency: return histograms_csv(scene, "maps");
    case PanelId::timeline: return timeline_csv(ui.timeline.view);
    case PanelId::flame: {
      const Table functions = functions_table(scene.stacks, profile::top_functions(scene.stacks));
      std::vector<std::uint32_t> all(functions.rows.size());
      for (std::uint32_t i = 0; i < all.size(); ++i) all[i] = i;
      return to_csv(functions, all);
    }
    default: return {};
  }
}

void show_panel(Ui& ui, PanelId id, Rect rect) {
  if (const Table* table = table_of(ui, id)) return show_table(ui, id, *table, rect);
  switch (id) {
    case PanelId::states: return show_states(ui, rect);
    case PanelId::throughput: return show_throughput(ui, rect);
    case PanelId::latency: return show_latency(ui, rect);
    case PanelId::errors: return show_errors(ui, rect);
    case PanelId::timeline: return show_timeline(ui, rect);
    case PanelId::flame: return show_flame(ui, rect);
    case PanelId::heatmap: return show_heatmap(ui, rect);
    case PanelId::offsets: return show_offsets(ui, rect);
    case PanelId::histograms: return show_histograms(ui, id, "latency", rect);
    case PanelId::run_queue: return show_histograms(ui, id, "scheduler", rect);
    case PanelId::lock_waits: return show_histograms(ui, id, "locks", rect);
    case PanelId::map_latency: return show_histograms(ui, id, "maps", rect);
    case PanelId::triggers: return show_triggers(ui, rect);
    default: return;
  }
}

void show_dashboard(Ui& ui, float width, float height) {
  Shell& shell = *ui.shell;
  if (ui.widgets != nullptr) {
    ui.widgets->clear();
    ui.widgets->width = width;
    ui.widgets->height = height;
    ui.widgets->view = profile::name_of(ui.selection.view);
    ui.widgets->profile_number = ui.arrival != nullptr ? ui.arrival->profile_number : 0;
  }
  take_keys(ui);
  shell.any_panel_hovered = false;
  const std::uint64_t crosshair_before = std::exchange(shell.crosshair_ns, 0);
  ImGui::SetNextWindowPos({0, 0});
  ImGui::SetNextWindowSize({width, height});
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, {0, 0});
  ImGui::Begin("dashboard", nullptr,
               ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoSavedSettings |
                   ImGuiWindowFlags_NoBringToFrontOnFocus | ImGuiWindowFlags_NoScrollWithMouse);
  ImGui::PopStyleVar();
  const Pen& pen = ui.pen;
  const float gap = std::round(pen.px(5)), bar = std::round(pen.px(34)), tabs = std::round(pen.px(28));
  const float status = std::round(pen.px(22)), strip = std::round(pen.px(height < pen.px(800) ? 56 : 68));
  show_top_bar(ui, {0, 0, width, bar});
  const bool data = ui.scene != nullptr && drawable(*ui.scene->profile);
  const Rect below{0, bar, width, height - status - bar};
  if (!data) {
    show_empty(ui, below);
  } else {
    // Panels drawn before the one under the pointer show where it was one frame ago, so that all agree.
    shell.crosshair_ns = crosshair_before;
    show_pages(ui, {0, bar, width, tabs});
    const Rect cards{gap, bar + tabs, width - 2 * gap, strip};
    show_cards(ui, cards);
    const float top = cards.y + cards.h + gap;
    const Rect area{gap, top, width - 2 * gap, std::max(1.0f, height - status - gap - top)};
    auto& pages = shell.settings.layout.pages;
    shell.page = std::min(shell.page, pages.size() - 1);
    if (shell.enlarged) {
      show_panel(ui, *shell.enlarged, area);
    } else {
      const Arranged arranged = arrange(pages[shell.page], area, gap);
      for (const Placed& placed : arranged.panels) {
        ImGui::PushID(static_cast<int>(placed.row * 100 + placed.cell));
        show_panel(ui, placed.panel, placed.rect);
        ImGui::PopID();
      }
      drag_gaps(ui, pages[shell.page], arranged, area);
    }
    // Nobody's plot is under the pointer any more.
    if (shell.crosshair_ns == crosshair_before && !ImGui::IsAnyItemHovered()) shell.crosshair_ns = 0;
  }
  show_status_bar(ui, {0, height - status, width, status});
  ImGui::End();
  show_help(ui, width, height);
  show_palette(ui, width, height);
  show_message(ui, width, height);
  ui.history.note(ui.selection, !ui.drag.active());
}

}  // namespace fanlight::ui
