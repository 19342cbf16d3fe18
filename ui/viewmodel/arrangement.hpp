// Where the panels are. In: the window's size, the UI scale, the number of threads. Out: one rectangle per panel.
#pragma once

#include "ui/canvas/drawing.hpp"

namespace fanlight::ui {

/// No two overlap; together with the gaps they fill the window.
struct Arrangement {
  Rect top, cards, states, throughput, latency, flame, threads, functions, sockets, operations, ledger, notes, status;
};

/// Below 900 x 600 (times scale) panels shrink past comfort, but keep their order. The threads' panel takes
/// what its rows need, up to half of its column. Threads: any.
Arrangement arrange(float width, float height, float scale, std::size_t threads);

}  // namespace fanlight::ui
