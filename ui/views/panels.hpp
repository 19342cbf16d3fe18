// The panels. In: `Ui` and a rectangle. Out: pixels, and changed choices. None reads data itself.
#pragma once

#include <string>
#include <string_view>

#include "ui/views/ui.hpp"

namespace fanlight::ui {

/// One frame: all panels, or the empty state while nothing has arrived. Call between NewFrame and Render.
void show_dashboard(Ui& ui, float width, float height);

/// Does what a command says; false: there is no such command.
bool run_command(Ui& ui, std::string_view id);
/// Keys that are pressed in this frame.
void take_keys(Ui& ui);
std::vector<Command> commands_of(const Ui& ui);

void show_top_bar(Ui& ui, Rect rect);
void show_pages(Ui& ui, Rect rect);
void show_status_bar(Ui& ui, Rect rect);
void show_empty(Ui& ui, Rect rect);
void show_help(Ui& ui, float width, float height);
void show_palette(Ui& ui, float width, float height);
void show_message(Ui& ui, float width, float height);

void show_panel(Ui& ui, PanelId id, Rect rect);
void show_cards(Ui& ui, Rect rect);
void show_states(Ui& ui, Rect rect);
void show_throughput(Ui& ui, Rect rect);
void show_latency(Ui& ui, Rect rect);
void show_errors(Ui& ui, Rect rect);
void show_flame(Ui& ui, Rect rect);
void show_timeline(Ui& ui, Rect rect);
void show_heatmap(Ui& ui, Rect rect);
void show_offsets(Ui& ui, Rect rect);
/// `group`: "latency", "scheduler", "locks", "maps".
void show_histograms(Ui& ui, PanelId id, const char* group, Rect rect);
void show_table(Ui& ui, PanelId id, const Table& table, Rect rect, std::uint64_t version = 0);
void show_triggers(Ui& ui, Rect rect);

/// The panel's data as CSV; empty: it has none that a table could hold.
std::string panel_csv(Ui& ui, PanelId id);
/// Follows what a row chooses.
void choose(Ui& ui, const Choose& choice);

}  // namespace fanlight::ui
