// What every panel is given. In: the newest scene, the choices. Out: nothing; panels change the choices only.
#pragma once

#include <cstdint>
#include <string>

#include "ui/canvas/imgui_canvas.hpp"
#include "ui/model/arrival.hpp"
#include "ui/viewmodel/flame_layout.hpp"
#include "ui/viewmodel/scene.hpp"
#include "ui/viewmodel/selection.hpp"
#include "ui/views/widgets.hpp"

namespace fanlight::ui {

/// Of the flame panel alone: positions, kept while tree, zoom and width stay the same.
struct FlameState {
  const Scene* laid_out_for = nullptr;
  NodeId zoom = 0;
  float width = 0;
  FlameLayout layout;
  FlameSearch search;
  std::string searched;
  char search_text[128] = {};
  bool focus_search = false;
};

struct ThreadsState {
  const Scene* sorted_for = nullptr;
  std::vector<ThreadRow> rows;
  ThreadOrder order = ThreadOrder::running;
  bool descending = true;
};

/// Of the plots: a stretch of time being dragged.
struct DragState {
  bool dragging = false;
  float from_x = 0;
};

struct Ui {
  const Scene* scene = nullptr;  // null: nothing arrived yet
  const Arrival* arrival = nullptr;
  Selection selection;
  Fonts fonts;
  Pen pen;
  std::uint64_t now_ns = 0;
  Widgets* widgets = nullptr;  // null: nobody asked
  Drawing drawing;             // scratch, cleared by whoever uses it
  FlameState flame;
  ThreadsState threads;
  DragState drag;

  bool live() const { return arrival != nullptr && arrival->status.phase != Phase::recording; }
};

}  // namespace fanlight::ui
