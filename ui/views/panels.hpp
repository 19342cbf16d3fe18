// The panels. In: `Ui` and a rectangle. Out: pixels, and changed choices. One file per panel; none reads data itself.
#pragma once

#include "ui/views/ui.hpp"

namespace fanlight::ui {

/// One frame: all panels, or the empty state while nothing has arrived. Call between NewFrame and Render.
void show_dashboard(Ui& ui, float width, float height);

void show_top_bar(Ui& ui, Rect rect);
void show_cards(Ui& ui, Rect rect);
void show_states(Ui& ui, Rect rect);
void show_throughput(Ui& ui, Rect rect);
void show_latency(Ui& ui, Rect rect);
void show_flame(Ui& ui, Rect rect);
void show_threads(Ui& ui, Rect rect);
void show_functions(Ui& ui, Rect rect);
void show_sockets(Ui& ui, Rect rect);
void show_operations(Ui& ui, Rect rect);
void show_ledger(Ui& ui, Rect rect);
void show_notes(Ui& ui, Rect rect);
void show_status_bar(Ui& ui, Rect rect);
void show_empty(Ui& ui, Rect rect);
void show_help(Ui& ui, float width, float height);

}  // namespace fanlight::ui
