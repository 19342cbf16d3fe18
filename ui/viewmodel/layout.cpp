#include "ui/viewmodel/layout.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <sstream>

namespace fanlight::ui {
namespace {

constexpr float kLeast = 0.02f, kMost = 50;

/// Cuts `length` in proportion; the last takes what rounding left.
template <class Parts, class Share>
std::vector<float> lengths(const Parts& parts, float length, float gap, Share share) {
  float sum = 0;
  for (const auto& part : parts) sum += share(part);
  const float room = std::max(0.0f, length - gap * static_cast<float>(parts.size() - 1));
  std::vector<float> out;
  float used = 0;
  for (const auto& part : parts) {
    out.push_back(std::floor(room * share(part) / sum));
    used += out.back();
  }
  out.back() += room - used;
  return out;
}

float share_from(std::string_view text) {
  float share = 1;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), share);
  if (ec != std::errc{} || end != text.data() + text.size() || !(share >= kLeast) || !(share <= kMost)) return 1;
  return share;
}

}  // namespace

const std::array<PanelName, kPanels>& panel_names() {
  static constexpr std::array<PanelName, kPanels> kNames{{
      {PanelId::states, "states", "Time per state"},
      {PanelId::throughput, "throughput", "Throughput"},
      {PanelId::latency, "latency", "Latency"},
      {PanelId::errors, "errors", "Errors and losses"},
      {PanelId::timeline, "timeline", "Thread timeline"},
      {PanelId::flame, "flame", "Flame graph"},
      {PanelId::functions, "functions", "Functions"},
      {PanelId::source, "source", "Source"},
      {PanelId::threads, "threads", "Threads"},
      {PanelId::heatmap, "heatmap", "Latency heatmap"},
      {PanelId::offsets, "offsets", "Within the second"},
      {PanelId::histograms, "histograms", "Latency histograms"},
      {PanelId::scheduler, "scheduler", "Scheduler"},
      {PanelId::run_queue, "run_queue", "Waits for a CPU"},
      {PanelId::preemptions, "preemptions", "Who takes the CPU away"},
      {PanelId::wakers, "wakers", "Who ends the waits"},
      {PanelId::clients, "clients", "Clients"},
      {PanelId::sockets, "sockets", "Socket writes"},
      {PanelId::tcp, "tcp", "TCP"},
      {PanelId::operations, "operations", "Map and registry operations"},
      {PanelId::map_latency, "map_latency", "Operation times"},
      {PanelId::map_states, "map_states", "BPF maps"},
      {PanelId::locks, "locks", "Locks"},
      {PanelId::lock_waits, "lock_waits", "Waits for locks"},
      {PanelId::labels, "labels", "Labels"},
      {PanelId::why, "why", "Why was it slow here?"},
      {PanelId::changes, "changes", "What changed"},
      {PanelId::ledger, "ledger", "Ledger"},
      {PanelId::programs, "programs", "Own cost"},
      {PanelId::cross_check, "cross_check", "Cross-check"},
      {PanelId::notes, "notes", "Notes"},
      {PanelId::triggers, "triggers", "Triggers and snapshots"},
  }};
  return kNames;
}

std::string_view title_of(PanelId id) { return panel_names()[static_cast<std::size_t>(id)].title; }

std::optional<PanelId> panel_from(std::string_view key) {
  for (const PanelName& name : panel_names())
    if (name.key == key) return name.id;
  return std::nullopt;
}

Layout standard_layout() {
  using P = PanelId;
  return {{
      {"Overview",
       {{0.25f, {{P::states, 1.5f}, {P::throughput, 1}, {P::latency, 1}}},
        {0.45f, {{P::flame, 1.7f}, {P::threads, 1}}},
        {0.30f, {{P::functions, 1}, {P::sockets, 1}, {P::locks, 1}, {P::notes, 0.8f}}}}},
      {"Timeline",
       {{0.18f, {{P::states, 1}}}, {0.47f, {{P::timeline, 1}}}, {0.35f, {{P::flame, 1.7f}, {P::wakers, 1}}}}},
      {"Flame graph", {{1, {{P::flame, 2.4f}, {P::functions, 1}}}, {0.42f, {{P::source, 1.7f}, {P::labels, 1}}}}},
      {"Latency", {{0.5f, {{P::heatmap, 1.6f}, {P::histograms, 1}}}, {0.5f, {{P::offsets, 1}, {P::flame, 1.3f}}}}},
      {"Scheduler",
       {{0.5f, {{P::scheduler, 1.3f}, {P::run_queue, 1}}}, {0.5f, {{P::preemptions, 1}, {P::wakers, 1.2f}}}}},
      {"Sockets", {{0.55f, {{P::clients, 1}}}, {0.45f, {{P::sockets, 1}, {P::tcp, 1}, {P::errors, 1}}}}},
      {"Maps",
       {{0.55f, {{P::operations, 1.5f}, {P::map_latency, 1}}}, {0.45f, {{P::flame, 1.5f}, {P::map_states, 1}}}}},
      {"Locks", {{0.5f, {{P::locks, 1.5f}, {P::lock_waits, 1}}}, {0.5f, {{P::flame, 1.5f}, {P::threads, 1}}}}},
      {"Why", {{0.6f, {{P::why, 1}, {P::changes, 1}}}, {0.4f, {{P::states, 1}, {P::flame, 1.6f}}}}},
      {"Trust", {{0.5f, {{P::cross_check, 1.6f}, {P::ledger, 1.4f}}}, {0.5f, {{P::programs, 1}, {P::notes, 1.3f}}}}},
      {"Triggers", {{0.4f, {{P::states, 1}, {P::latency, 1}}}, {0.6f, {{P::triggers, 1}}}}},
  }};
}

std::string layout_text(const Layout& layout) {
  std::string text;
  char share[32];
  for (const Page& page : layout.pages) {
    text += "page " + page.name + "\n";
    for (const LayoutRow& row : page.rows) {
      std::snprintf(share, sizeof share, "%.4g", row.share);
      text += std::string("row ") + share;
      for (const LayoutCell& cell : row.cells) {
        std::snprintf(share, sizeof share, ":%.4g", cell.share);
        text.append(" ").append(panel_names()[static_cast<std::size_t>(cell.panel)].key).append(share);
      }
      text += "\n";
    }
  }
  return text;
}

Layout layout_from(std::string_view text) {
  constexpr std::size_t kMostPages = 40, kMostRows = 12, kMostCells = 12;
  Layout layout;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("page ") && layout.pages.size() < kMostPages) {
      layout.pages.push_back({line.substr(5, 40), {}});
    } else if (line.starts_with("row ") && !layout.pages.empty()) {
      std::istringstream words(line.substr(4));
      std::string word;
      words >> word;
      LayoutRow row{.share = share_from(word)};
      while (words >> word && row.cells.size() < kMostCells) {
        const std::size_t colon = std::min(word.find(':'), word.size());
        const auto panel = panel_from(std::string_view(word).substr(0, colon));
        if (panel) row.cells.push_back({*panel, colon < word.size() ? share_from(word.substr(colon + 1)) : 1});
      }
      Page& page = layout.pages.back();
      if (!row.cells.empty() && page.rows.size() < kMostRows) page.rows.push_back(std::move(row));
    }
  }
  std::erase_if(layout.pages, [](const Page& page) { return page.rows.empty(); });
  return layout.pages.empty() ? standard_layout() : layout;
}

Arranged arrange(const Page& page, const Rect& area, float gap) {
  Arranged arranged;
  if (page.rows.empty()) return arranged;
  const auto heights = lengths(page.rows, area.h, gap, [](const LayoutRow& row) { return row.share; });
  float y = area.y;
  for (std::size_t row = 0; row < page.rows.size(); ++row) {
    const auto& cells = page.rows[row].cells;
    const auto widths = lengths(cells, area.w, gap, [](const LayoutCell& cell) { return cell.share; });
    float x = area.x;
    for (std::size_t cell = 0; cell < cells.size(); ++cell) {
      arranged.panels.push_back({cells[cell].panel, row, cell, {x, y, widths[cell], heights[row]}});
      x += widths[cell];
      if (cell + 1 < cells.size()) arranged.gaps.push_back({{x, y, gap, heights[row]}, false, row, cell});
      x += gap;
    }
    y += heights[row];
    if (row + 1 < page.rows.size()) arranged.gaps.push_back({{area.x, y, area.w, gap}, true, row, 0});
    y += gap;
  }
  return arranged;
}

void drag_gap(Page& page, const Gap& gap, float pixels, const Rect& area) {
  const auto move = [pixels](float& before, float& after, float sum, float length) {
    if (!(length > 0)) return;
    const float both = before + after;
    const float moved = std::clamp(before + pixels / length * sum, both * 0.1f, both * 0.9f);
    after = both - moved;
    before = moved;
  };
  if (gap.row >= page.rows.size()) return;
  float sum = 0;
  if (gap.between_rows) {
    if (gap.row + 1 >= page.rows.size()) return;
    for (const LayoutRow& row : page.rows) sum += row.share;
    return move(page.rows[gap.row].share, page.rows[gap.row + 1].share, sum, area.h);
  }
  auto& cells = page.rows[gap.row].cells;
  if (gap.cell + 1 >= cells.size()) return;
  for (const LayoutCell& cell : cells) sum += cell.share;
  move(cells[gap.cell].share, cells[gap.cell + 1].share, sum, area.w);
}

}  // namespace fanlight::ui
