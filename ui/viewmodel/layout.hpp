// Where the panels are. In: pages of rows of cells, a size. Out: rectangles; a person drags the gaps, changes what a
// cell shows, enlarges one, and finds it all again next time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ui/canvas/drawing.hpp"

namespace fanlight::ui {

enum class PanelId : std::uint8_t {
  states,
  throughput,
  latency,
  errors,
  timeline,
  flame,
  functions,
  source,
  threads,
  heatmap,
  offsets,
  histograms,
  scheduler,
  run_queue,
  preemptions,
  wakers,
  clients,
  sockets,
  tcp,
  operations,
  map_latency,
  map_states,
  locks,
  lock_waits,
  labels,
  why,
  changes,
  ledger,
  programs,
  cross_check,
  notes,
  triggers,
};
inline constexpr std::size_t kPanels = 32;

struct PanelName {
  PanelId id;
  std::string_view key;    // in the saved layout
  std::string_view title;  // for people
};
const std::array<PanelName, kPanels>& panel_names();
std::string_view title_of(PanelId id);
std::optional<PanelId> panel_from(std::string_view key);

/// Shares are of what the row or page has; they need not add up.
struct LayoutCell {
  PanelId panel;
  float share = 1;
  bool operator==(const LayoutCell&) const = default;
};
struct LayoutRow {
  float share = 1;
  std::vector<LayoutCell> cells;
  bool operator==(const LayoutRow&) const = default;
};
struct Page {
  std::string name;
  std::vector<LayoutRow> rows;
  bool operator==(const Page&) const = default;
};

struct Layout {
  std::vector<Page> pages;
  bool operator==(const Layout&) const = default;
};

/// The pages that a new user finds; every panel is on one of them.
Layout standard_layout();

/// One line a row: "page Overview", "row 0.3 states:2 throughput:1". What is not known is left out, so that an older
/// file still serves; a page without a panel is none. Nothing left: the standard layout.
std::string layout_text(const Layout& layout);
Layout layout_from(std::string_view text);

struct Placed {
  PanelId panel;
  std::size_t row = 0, cell = 0;
  Rect rect;
};
/// The gap below a row, or right of a cell, that can be dragged.
struct Gap {
  Rect rect;
  bool between_rows = false;
  std::size_t row = 0, cell = 0;  // of the row or cell before it
};
struct Arranged {
  std::vector<Placed> panels;
  std::vector<Gap> gaps;
};

/// Rectangles are whole pixels, none overlap, and together with the gaps they fill `area`.
Arranged arrange(const Page& page, const Rect& area, float gap);

/// Moves a gap by `pixels` of `whole`; neither neighbour becomes smaller than a tenth of both together.
void drag_gap(Page& page, const Gap& gap, float pixels, const Rect& area);

}  // namespace fanlight::ui
