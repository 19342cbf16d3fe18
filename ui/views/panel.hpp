// The frame that every panel sits in, and the small widgets that panels share. In: a rectangle, a title. Out: a body.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "ui/views/ui.hpp"

namespace fanlight::ui {

/// A titled area; what is drawn until it is destroyed lands in its body, clipped. A double click on its title enlarges
/// it, the right button there opens its menu.
class Panel {
 public:
  Panel(Ui& ui, PanelId id, Rect rect, std::string_view note = {});
  Panel(Ui& ui, PanelId id, std::string_view title, Rect rect, std::string_view note);
  ~Panel();
  Panel(const Panel&) = delete;
  Panel& operator=(const Panel&) = delete;

  Rect head() const { return head_; }  // right of the title
  Rect body() const { return body_; }  // screen coordinates

 private:
  Rect head_, body_;
};

/// Draws `ui.drawing` into the current window.
void draw_now(Ui& ui);
/// The same beyond the current window's clip: into a panel's head.
void draw_unclipped(Ui& ui);

/// A row of buttons of which one is chosen. Returns the index clicked, or -1.
int choose_one(Ui& ui, const char* id, std::initializer_list<const char*> words, int chosen);
bool small_button(Ui& ui, const char* words, bool pressed);

/// A region that takes the mouse, at `rect`. True while the pointer is over it and nothing else has it.
bool region(const char* id, const Rect& rect);

/// Dragging over a plot of time chooses that stretch in every panel; a plain click goes back to everything. Call after
/// `region`. True while it is dragged.
struct TimeSpan;
bool drag_time(Ui& ui, const char* where, const TimeSpan& span, const Rect& area);
/// The line under the pointer, in every plot over time.
void show_crosshair(Ui& ui, const TimeSpan& span, const Rect& area);

/// A tooltip in the small face, open for its scope. The face must go before the tooltip does, or ImGui aborts.
class Tooltip {
 public:
  explicit Tooltip(const Ui& ui) {
    ImGui::BeginTooltip();
    ImGui::PushFont(ui.fonts.of(Face::small));
    ImGui::PushTextWrapPos(ui.pen.px(620));
  }
  ~Tooltip() {
    ImGui::PopTextWrapPos();
    ImGui::PopFont();
    ImGui::EndTooltip();
  }
  Tooltip(const Tooltip&) = delete;
  Tooltip& operator=(const Tooltip&) = delete;
};
void tooltip(Ui& ui, std::string_view words);

/// Pushes a face for its scope.
class WithFace {
 public:
  WithFace(const Ui& ui, Face face) { ImGui::PushFont(ui.fonts.of(face)); }
  ~WithFace() { ImGui::PopFont(); }
  WithFace(const WithFace&) = delete;
  WithFace& operator=(const WithFace&) = delete;
};

}  // namespace fanlight::ui
