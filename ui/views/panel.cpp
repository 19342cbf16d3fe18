#include "ui/views/panel.hpp"

#include <cmath>

namespace fanlight::ui {
namespace {

void text(std::string_view words, Colour colour) {
  ImGui::PushStyleColor(ImGuiCol_Text, vec(colour));
  ImGui::TextUnformatted(words.data(), words.data() + words.size());
  ImGui::PopStyleColor();
}

void tip_when_cut(std::string_view whole, const std::string& shown) {
  if (shown.size() != whole.size() && ImGui::IsItemHovered())
    ImGui::SetTooltip("%.*s", static_cast<int>(whole.size()), whole.data());
}

}  // namespace

Panel::Panel(Ui& ui, const char* name, Rect rect, std::string_view note, Scroll scroll) {
  const Pen& pen = ui.pen;
  const float title = std::round(pen.px(26)), pad = std::round(pen.px(9));
  if (ui.widgets != nullptr) ui.widgets->panels.push_back({name, rect});
  ImDrawList& list = *ImGui::GetWindowDrawList();
  ui.drawing.clear();
  ui.drawing.fill(rect, kPanel);
  ui.drawing.fill({rect.x, rect.y, rect.w, title}, kPanelHead);
  const float text_y = rect.y + std::floor((title - pen.height(Face::bold)) / 2);
  const std::string words = fit(name, rect.w - 2 * pad, Face::bold, pen.measure);
  ui.drawing.label(rect.x + pad, text_y, Face::bold, kText, words);
  const float after = rect.x + pad + pen.measure(words, Face::bold) + pen.px(12);
  head_ = {after, rect.y, std::max(0.0f, rect.x + rect.w - pad - after), title};
  if (!note.empty()) {
    const std::string shown = fit(note, head_.w, Face::small, pen.measure);
    ui.drawing.label(rect.x + rect.w - pad - pen.measure(shown, Face::small),
                     rect.y + std::floor((title - pen.height(Face::small)) / 2), Face::small, kMuted, shown);
  }
  draw(ui.drawing, list, ui.fonts);
  body_ = {rect.x, rect.y + title, rect.w, std::max(1.0f, rect.h - title)};
  ImGui::SetCursorScreenPos({body_.x, body_.y});
  ImGuiWindowFlags flags = ImGuiWindowFlags_NoBackground;
  if (scroll == Scroll::no) flags |= ImGuiWindowFlags_NoScrollbar | ImGuiWindowFlags_NoScrollWithMouse;
  ImGui::BeginChild(name, {std::max(1.0f, body_.w), body_.h}, false, flags);
}

Panel::~Panel() { ImGui::EndChild(); }

void draw_now(Ui& ui) {
  draw(ui.drawing, *ImGui::GetWindowDrawList(), ui.fonts);
  ui.drawing.clear();
}

void say_nothing_here(Ui& ui, const char* words) {
  const WithFace face(ui, Face::regular);
  const ImVec2 room = ImGui::GetContentRegionAvail();
  const float wrap = std::max(ui.pen.px(60), room.x - ui.pen.px(32));
  const ImVec2 size = ImGui::CalcTextSize(words, nullptr, false, wrap);
  ImGui::SetCursorPos({ImGui::GetCursorPosX() + std::max(0.0f, (room.x - size.x) / 2),
                       ImGui::GetCursorPosY() + std::max(0.0f, (room.y - size.y) / 2)});
  ImGui::PushTextWrapPos(ImGui::GetCursorPosX() + wrap);
  ImGui::PushStyleColor(ImGuiCol_Text, vec(kFaint));
  ImGui::TextUnformatted(words);
  ImGui::PopStyleColor();
  ImGui::PopTextWrapPos();
}

namespace {

/// How many of the columns with a fixed width, from the left, leave the one that stretches enough to be read.
std::size_t columns_that_fit(const Ui& ui, std::initializer_list<ColumnSpec> columns, float room) {
  constexpr float kStretchAtLeast = 70, kPadding = 10;
  float used = ui.pen.px(kStretchAtLeast + 2 * kPadding);
  std::size_t fit_in = 0;
  for (const ColumnSpec& column : columns) {
    if (!(column.width > 0)) continue;
    used += ui.pen.px(column.width + kPadding);
    if (used > room) break;
    ++fit_in;
  }
  return fit_in;
}

bool open_table(Ui& ui, const char* id, std::initializer_list<ColumnSpec> columns) {
  const float room = ImGui::GetContentRegionAvail().x;
  ImGui::PushFont(ui.fonts.of(Face::small));
  ImGui::PushStyleVar(ImGuiStyleVar_CellPadding, {std::round(ui.pen.px(5)), std::round(ui.pen.px(2))});
  constexpr ImGuiTableFlags kFlags = ImGuiTableFlags_RowBg | ImGuiTableFlags_ScrollY | ImGuiTableFlags_NoBordersInBody |
                                     ImGuiTableFlags_PadOuterX | ImGuiTableFlags_SizingFixedFit;
  if (!ImGui::BeginTable(id, static_cast<int>(columns.size()), kFlags)) {
    ImGui::PopStyleVar();
    ImGui::PopFont();
    return false;
  }
  ImGui::TableSetupScrollFreeze(0, 1);
  const std::size_t shown = columns_that_fit(ui, columns, room);
  std::size_t fixed_so_far = 0;
  for (const ColumnSpec& column : columns) {
    const bool fixed = column.width > 0;
    ImGuiTableColumnFlags flags = fixed ? ImGuiTableColumnFlags_WidthFixed : ImGuiTableColumnFlags_WidthStretch;
    if (fixed && fixed_so_far++ >= shown) flags |= ImGuiTableColumnFlags_Disabled;
    ImGui::TableSetupColumn(column.name, flags, fixed ? ui.pen.px(column.width) : 1.0f);
  }
  ImGui::TableNextRow(ImGuiTableRowFlags_Headers);
  return true;
}

}  // namespace

bool begin_table(Ui& ui, const char* id, std::initializer_list<ColumnSpec> columns) {
  if (!open_table(ui, id, columns)) return false;
  for (const ColumnSpec& column : columns)
    column.right ? cell_right(ui, column.name, kMuted) : cell(ui, column.name, kMuted);
  return true;
}

bool begin_sorted_table(Ui& ui, const char* id, std::initializer_list<ColumnSpec> columns) {
  return open_table(ui, id, columns);
}

bool sort_header(Ui& ui, const ColumnSpec& column, bool sorted, bool descending) {
  if (!ImGui::TableNextColumn()) return false;
  const ImVec2 at = ImGui::GetCursorScreenPos();
  const float width = std::max(1.0f, ImGui::GetContentRegionAvail().x);
  const bool clicked = ImGui::InvisibleButton(column.name, {width, ui.pen.height(Face::small)});
  const std::string words = std::string(column.name) + (sorted ? (descending ? " \u25be" : " \u25b4") : "");
  const float x = column.right ? at.x + width - ui.pen.measure(words, Face::small) : at.x;
  const Colour colour = sorted ? kAccent : ImGui::IsItemHovered() ? kText : kMuted;
  ImGui::GetWindowDrawList()->AddText({std::floor(x), at.y}, packed(colour), words.c_str());
  return clicked;
}

void spanning_text(Ui& ui, std::string_view words, Colour colour) {
  ImGui::TableNextRow();
  ImGui::TableNextColumn();
  const ImVec2 at = ImGui::GetCursorScreenPos();
  const ImVec2 corner = ImGui::GetWindowPos(), size = ImGui::GetWindowSize();
  const float right = corner.x + size.x - ui.pen.px(12);
  const std::string shown = fit(words, right - at.x, Face::small, ui.pen.measure);
  ImDrawList& list = *ImGui::GetWindowDrawList();
  // A cell clips at its own column; the row's height is known, so clipping at the window is enough.
  list.PushClipRect(corner, {corner.x + size.x, corner.y + size.y});
  list.AddText(at, packed(colour), shown.c_str());
  list.PopClipRect();
  ImGui::Dummy({1, ui.pen.height(Face::small)});
}

void end_table() {
  ImGui::EndTable();
  ImGui::PopStyleVar();
  ImGui::PopFont();
}

void cell(Ui& ui, std::string_view words, Colour colour) {
  if (!ImGui::TableNextColumn()) return;
  const std::string shown = fit(words, ImGui::GetContentRegionAvail().x + 1, Face::small, ui.pen.measure);
  text(shown, colour);
  tip_when_cut(words, shown);
}

void cell_right(Ui& ui, std::string_view words, Colour colour) {
  if (!ImGui::TableNextColumn()) return;
  const float room = ImGui::GetContentRegionAvail().x;
  const std::string shown = fit(words, room + 1, Face::small, ui.pen.measure);
  const float width = ui.pen.measure(shown, Face::small);
  if (width < room) ImGui::SetCursorPosX(ImGui::GetCursorPosX() + room - width);
  text(shown, colour);
  tip_when_cut(words, shown);
}

bool small_button(Ui& ui, const char* words, bool pressed) {
  const WithFace face(ui, Face::small);
  ImGui::PushStyleColor(ImGuiCol_Button, vec(pressed ? kAccent : kRaised));
  ImGui::PushStyleColor(ImGuiCol_ButtonHovered, vec(pressed ? kAccent : kHover));
  ImGui::PushStyleColor(ImGuiCol_ButtonActive, vec(pressed ? kAccent : kHover));
  ImGui::PushStyleColor(ImGuiCol_Text, vec(pressed ? kInk : kText));
  const bool clicked = ImGui::Button(words, {0, std::round(ui.pen.px(20))});
  ImGui::PopStyleColor(4);
  return clicked;
}

int choose_one(Ui& ui, const char* id, std::initializer_list<const char*> words, int chosen) {
  ImGui::PushID(id);
  ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, {1, 0});
  int clicked = -1, at = 0;
  for (const char* word : words) {
    if (at > 0) ImGui::SameLine();
    if (small_button(ui, word, at == chosen)) clicked = at;
    ++at;
  }
  ImGui::PopStyleVar();
  ImGui::PopID();
  return clicked;
}

}  // namespace fanlight::ui
