// The frame that every panel sits in, and the small widgets that panels share. In: a rectangle, a title. Out: a body.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "ui/views/ui.hpp"

namespace fanlight::ui {

/// A titled area; what is drawn until it is destroyed lands in its body, clipped. The title is `name`.
class Panel {
 public:
  enum class Scroll : bool { no, yes };
  Panel(Ui& ui, const char* name, Rect rect, std::string_view note = {}, Scroll scroll = Scroll::yes);
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

/// A faint sentence in the middle of the rest of the panel.
void say_nothing_here(Ui& ui, const char* words);

struct ColumnSpec {
  const char* name;
  float width;  // at scale 1; 0: takes what is left
  bool right = true;
};
/// Small face, header row, alternating rows. Where the room is short, columns are left out from the right. False: not
/// visible; then do not call `end_table`.
bool begin_table(Ui& ui, const char* id, std::initializer_list<ColumnSpec> columns);
void end_table();

/// A header that can be clicked, instead of the row that `begin_table` makes: call once per column after
/// `begin_sorted_table`. ImGui's own headers align to the left only.
bool begin_sorted_table(Ui& ui, const char* id, std::initializer_list<ColumnSpec> columns);
bool sort_header(Ui& ui, const ColumnSpec& column, bool sorted, bool descending);

/// A line across all columns, in a row of its own.
void spanning_text(Ui& ui, std::string_view text, Colour colour);

/// The next cell. Cut with an ellipsis at the cell's edge, in full as a tooltip.
void cell(Ui& ui, std::string_view text, Colour colour = kText);
void cell_right(Ui& ui, std::string_view text, Colour colour = kText);

/// A row of buttons of which one is chosen. Returns the index clicked, or -1.
int choose_one(Ui& ui, const char* id, std::initializer_list<const char*> words, int chosen);
bool small_button(Ui& ui, const char* words, bool pressed);

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

/// Pushes a face for its scope.
class WithFace {
 public:
  WithFace(const Ui& ui, Face face) { ImGui::PushFont(ui.fonts.of(face)); }
  ~WithFace() { ImGui::PopFont(); }
  WithFace(const WithFace&) = delete;
  WithFace& operator=(const WithFace&) = delete;
};

}  // namespace fanlight::ui
