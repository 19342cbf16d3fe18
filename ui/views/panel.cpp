#include "ui/views/panel.hpp"

#include <algorithm>
#include <cmath>

#include "ui/views/paint_plots.hpp"
#include "ui/views/panels.hpp"

namespace fanlight::ui {
namespace {

/// Another panel instead of this one, for good: the layout is the user's.
void change_panel(Ui& ui, PanelId from, PanelId to) {
  for (LayoutRow& row : ui.shell->settings.layout.pages[ui.shell->page].rows)
    for (LayoutCell& cell : row.cells)
      if (cell.panel == from) {
        cell.panel = to;
        ui.shell->wishes.push_back({Wish::What::save});
        return;
      }
}

void panel_choices(Ui& ui, PanelId id) {
  const WithFace face(ui, Face::small);
  const bool enlarged = ui.shell->enlarged == id;
  if (ImGui::MenuItem(enlarged ? "Put back" : "Enlarge", "z"))
    ui.shell->enlarged = enlarged ? std::nullopt : std::optional(id);
  if (ImGui::MenuItem("Export as picture", "p")) run_command(ui, "panel-png");
  if (ImGui::MenuItem("Export as CSV", "e", false, !panel_csv(ui, id).empty())) run_command(ui, "panel-csv");
  if (!ImGui::BeginMenu("Show here instead")) return;
  for (const PanelName& name : panel_names())
    if (ImGui::MenuItem(std::string(name.title).c_str(), nullptr, name.id == id)) change_panel(ui, id, name.id);
  ImGui::EndMenu();
}

void panel_menu(Ui& ui, PanelId id) {
  if (!ImGui::BeginPopup("menu")) return;
  panel_choices(ui, id);  // its face must be gone before the popup ends
  ImGui::EndPopup();
}

}  // namespace

Panel::Panel(Ui& ui, PanelId id, Rect rect, std::string_view note) : Panel(ui, id, title_of(id), rect, note) {}

Panel::Panel(Ui& ui, PanelId id, std::string_view title_text, Rect rect, std::string_view note) {
  const Pen& pen = ui.pen;
  const float title = std::round(pen.px(26)), pad = std::round(pen.px(9));
  const std::string name(title_of(id));
  if (ui.widgets != nullptr) ui.widgets->panels.push_back({name, rect});
  ui.drawing.clear();
  ui.drawing.fill(rect, kPanel);
  ui.drawing.fill({rect.x, rect.y, rect.w, title}, kPanelHead);
  const float text_y = rect.y + std::floor((title - pen.height(Face::bold)) / 2);
  const std::string words = fit(title_text, rect.w - 2 * pad, Face::bold, pen.measure);
  ui.drawing.label(rect.x + pad, text_y, Face::bold, kText, words);
  const float wide = pen.measure(words, Face::bold);
  const float after = rect.x + pad + wide + pen.px(12);
  head_ = {after, rect.y, std::max(0.0f, rect.x + rect.w - pad - after), title};
  if (!note.empty()) {
    const std::string shown = fit(note, head_.w, Face::small, pen.measure);
    const float width = pen.measure(shown, Face::small);
    ui.drawing.label(rect.x + rect.w - pad - width, rect.y + std::floor((title - pen.height(Face::small)) / 2),
                     Face::small, kMuted, shown);
    head_.w = std::max(0.0f, head_.w - width - pen.px(10));
  }
  draw(ui.drawing, *ImGui::GetWindowDrawList(), ui.fonts);
  ImGui::PushID(name.c_str());
  const Rect handle{rect.x, rect.y, wide + pad + pen.px(6), title};
  ImGui::SetCursorScreenPos({handle.x, handle.y});
  ImGui::InvisibleButton("title", {std::max(1.0f, handle.w), handle.h});
  name_item(ui, "title " + name, handle);
  if (ImGui::IsItemHovered() && ImGui::IsMouseDoubleClicked(ImGuiMouseButton_Left))
    ui.shell->enlarged = ui.shell->enlarged == id ? std::nullopt : std::optional(id);
  if (ImGui::IsItemHovered() && ImGui::IsMouseReleased(ImGuiMouseButton_Right)) ImGui::OpenPopup("menu");
  panel_menu(ui, id);
  const ImVec2 mouse = ImGui::GetIO().MousePos;
  if (rect.contains(mouse.x, mouse.y)) {
    ui.shell->hovered_panel = id;
    ui.shell->any_panel_hovered = true;
    ui.shell->hovered_rect = rect;
  }
  body_ = {rect.x, rect.y + title, rect.w, std::max(1.0f, rect.h - title)};
  ImGui::SetCursorScreenPos({body_.x, body_.y});
  ImGui::BeginChild("body", {std::max(1.0f, body_.w), body_.h}, false,
                    ImGuiWindowFlags_NoBackground | ImGuiWindowFlags_NoScrollbar | ImGuiWindowFlags_NoScrollWithMouse);
}

Panel::~Panel() {
  ImGui::EndChild();
  ImGui::PopID();
}

void draw_now(Ui& ui) {
  draw(ui.drawing, *ImGui::GetWindowDrawList(), ui.fonts);
  ui.drawing.clear();
}

void draw_unclipped(Ui& ui) {
  ImGui::GetWindowDrawList()->PushClipRectFullScreen();
  draw_now(ui);
  ImGui::GetWindowDrawList()->PopClipRect();
}

bool region(const char* id, const Rect& rect) {
  ImGui::SetCursorScreenPos({rect.x, rect.y});
  ImGui::InvisibleButton(id, {std::max(1.0f, rect.w), std::max(1.0f, rect.h)},
                         ImGuiButtonFlags_MouseButtonLeft | ImGuiButtonFlags_MouseButtonRight);
  return ImGui::IsItemHovered();
}

bool drag_time(Ui& ui, const char* where, const TimeSpan& span, const Rect& area) {
  const float mouse = ImGui::GetIO().MousePos.x;
  if (ImGui::IsItemActivated() && ImGui::IsMouseClicked(ImGuiMouseButton_Left))
    ui.drag = {where, mouse, ImGui::GetIO().MousePos.y};
  if (ui.drag.where != where) return false;
  const float left = std::clamp(std::min(ui.drag.from_x, mouse), area.x, area.x + area.w);
  const float right = std::clamp(std::max(ui.drag.from_x, mouse), area.x, area.x + area.w);
  if (ImGui::IsItemActive()) {
    ui.drawing.fill({left, area.y, std::max(1.0f, right - left), area.h}, with_alpha(kAccent, 60));
    return true;
  }
  ui.drag = {};
  if (right - left >= ui.pen.px(4)) {
    // Slices are merged whole: the ends move in by a millisecond, so that a neighbour is not taken along for touching.
    const std::uint64_t end = span.ns_at(right, area), begin = span.ns_at(left, area);
    ui.selection.range = {Range::Kind::fixed, 0, begin + std::min<std::uint64_t>(1'000'000, end - begin), end};
  } else {
    ui.selection.range = ui.everything();
  }
  return false;
}

void show_crosshair(Ui& ui, const TimeSpan& span, const Rect& area) {
  const std::uint64_t at = ui.shell->crosshair_ns;
  if (at < span.begin_ns || at >= span.end_ns) return;
  ui.drawing.fill({std::round(span.x_of(at, area)), area.y, 1, area.h}, with_alpha(kText, 110));
}

void tooltip(Ui& ui, std::string_view words) {
  const Tooltip open(ui);
  ImGui::TextUnformatted(words.data(), words.data() + words.size());
}

bool small_button(Ui& ui, const char* words, bool pressed) {
  const WithFace face(ui, Face::small);
  ImGui::PushStyleColor(ImGuiCol_Button, vec(pressed ? kAccent : kRaised));
  ImGui::PushStyleColor(ImGuiCol_ButtonHovered, vec(pressed ? kAccent : kHover));
  ImGui::PushStyleColor(ImGuiCol_ButtonActive, vec(pressed ? kAccent : kHover));
  ImGui::PushStyleColor(ImGuiCol_Text, vec(pressed ? palette().light ? rgb(0xffffff) : palette().ink : kText));
  const bool clicked = ImGui::Button(words, {0, std::round(ui.pen.px(20))});
  ImGui::PopStyleColor(4);
  const std::string_view shown(words);
  name_last_item(ui, std::string(shown.substr(0, shown.find("##"))));
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
