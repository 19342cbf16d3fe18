// What every panel is given. In: the newest scene, the choices. Out: nothing; panels change the choices, and ask the
// program for what only it can do.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ui/canvas/imgui_canvas.hpp"
#include "ui/model/arrival.hpp"
#include "ui/viewmodel/commands.hpp"
#include "ui/viewmodel/flame_layout.hpp"
#include "ui/viewmodel/layout.hpp"
#include "ui/viewmodel/scene.hpp"
#include "ui/viewmodel/selection.hpp"
#include "ui/viewmodel/settings.hpp"
#include "ui/viewmodel/trigger.hpp"
#include "ui/views/widgets.hpp"

namespace fanlight::ui {

/// Positions of a flame graph, kept while tree, zoom and width stay the same.
struct FlameState {
  std::uint64_t laid_out_for = 0;  // Scene::number
  NodeId zoom = 0;
  float width = 0;
  FlameLayout layout;
  FlameLayout callers;  // of the sandwich
  FlameSearch search;
  std::string searched;
  char search_text[128] = {};
  bool focus_search = false;
  std::string hovered_function;            // under the pointer in the last frame; empty: none
  std::vector<std::string> hovered_stack;  // root first
  std::string menu_function;               // what its menu was opened on
  std::vector<std::string> menu_stack;
};

struct TimelineState {
  std::uint64_t from_ns = 0, to_ns = 0;  // both 0: all that the scene covers
  std::size_t first_lane = 0;
  std::uint64_t made_for = 0;  // what `view` was made of
  std::uint64_t made_from = 0, made_to = 0;
  float made_width = 0;
  std::size_t made_first = 0, made_count = 0;
  TimelineView view;
};

/// Of one table: its order, filter, scroll position, and the rows that they give.
struct TableState {
  TableOrder order;
  float scroll = 0;
  char filter[64] = {};
  std::uint64_t arranged_for = 0;
  std::uint64_t arranged_version = 0;
  TableOrder arranged_by;
  std::vector<std::uint32_t> rows;
};

/// A stretch being dragged.
struct DragState {
  std::string where;  // the panel; empty: nothing is dragged
  float from_x = 0, from_y = 0;
  bool active() const { return !where.empty(); }
};

struct SnapshotInfo {
  std::string file;
  std::string when;    // "12:30:05"
  std::string reason;  // the trigger, or "by hand"
  std::uint64_t from_ns = 0, to_ns = 0;
};

/// What only the program can do.
struct Wish {
  enum class What : std::uint8_t {
    open,          // `text`: a file or HOST:PORT, in a tab of its own
    close_target,  // the tab that is looked at
    picture,       // `rect` of the next frame, into a file
    write,         // `text` into a file whose name ends in `name`
    snapshot,      // of what is shown; `text`: why
    scale,         // fonts anew
    save,          // the settings
  } what;
  std::string text{};
  std::string name{};
  Rect rect{};
};

/// What all targets share.
struct Shell {
  Settings settings;
  std::size_t page = 0;
  std::optional<PanelId> enlarged;
  std::vector<std::string> targets;  // their names, one for each tab
  std::size_t target = 0;
  bool help = false, palette = false, opening = false;
  bool palette_fresh = false;
  char palette_text[128] = {};
  std::size_t palette_at = 0;
  std::string message;  // shown for a while
  bool message_bad = false;
  std::uint64_t message_at_ns = 0;
  std::uint64_t crosshair_ns = 0;  // under the pointer, in any plot over time; 0: none
  std::vector<Trigger> triggers;
  char trigger_text[128] = {};
  std::string trigger_error;
  std::vector<SnapshotInfo> snapshots;
  std::vector<Wish> wishes;
  PanelId hovered_panel = PanelId::flame;
  bool any_panel_hovered = false;
  Rect hovered_rect;
  void say(std::string words, std::uint64_t now_ns, bool bad = false) {
    message = std::move(words);
    message_at_ns = now_ns;
    message_bad = bad;
  }
};

/// Of one target.
struct Ui {
  Shell* shell = nullptr;        // never null while a frame is made
  const Scene* scene = nullptr;  // null: nothing arrived yet
  const Arrival* arrival = nullptr;
  Selection selection;
  History history;
  std::string heatmap;  // metric; see SceneChoice
  bool heatmap_chosen = false;
  std::string function;  // whose source is shown
  Fonts fonts;
  Pen pen;
  std::uint64_t now_ns = 0;
  Widgets* widgets = nullptr;  // null: nobody asked
  Drawing drawing;             // scratch, cleared by whoever uses it
  FlameState flame;
  TimelineState timeline;
  std::array<TableState, kPanels> tables;
  std::optional<std::pair<double, double>> histogram_range;  // ns, chosen in a histogram
  DragState drag;

  bool live() const { return arrival != nullptr && arrival->status.phase != Phase::recording; }
  /// What "everything" is: the newest time live, all of a file.
  Range everything() const { return live() ? Range{} : Range{.kind = Range::Kind::all}; }
};

/// Names a rectangle for tests, when somebody asked for names.
inline void name_item(Ui& ui, std::string name, const Rect& rect) {
  if (ui.widgets != nullptr) ui.widgets->items.push_back({std::move(name), rect});
}
/// The same of the item that ImGui made last.
inline void name_last_item(Ui& ui, std::string name) {
  if (ui.widgets == nullptr) return;
  const ImVec2 low = ImGui::GetItemRectMin(), high = ImGui::GetItemRectMax();
  name_item(ui, std::move(name), {low.x, low.y, high.x - low.x, high.y - low.y});
}

}  // namespace fanlight::ui
