#include <algorithm>
#include <cmath>

#include "ui/views/paint_table.hpp"
#include "ui/views/panel.hpp"
#include "ui/views/panels.hpp"

namespace fanlight::ui {
namespace {

std::vector<std::string> chosen_values(const Ui& ui) {
  std::vector<std::string> values = ui.selection.threads;
  values.insert(values.end(), ui.selection.labels.begin(), ui.selection.labels.end());
  if (!ui.selection.search.empty()) values.push_back(ui.selection.search);
  return values;
}

/// A field in the panel's head; what is typed filters the rows.
void filter_field(Ui& ui, TableState& state, const Rect& head, float note) {
  const float width = std::round(ui.pen.px(110));
  if (head.w < width + ui.pen.px(20)) return;
  const WithFace face(ui, Face::small);
  ImGui::SetCursorScreenPos(
      {head.x + head.w - width - note, head.y + std::floor((head.h - ImGui::GetFrameHeight()) / 2)});
  ImGui::SetNextItemWidth(width);
  if (ImGui::InputTextWithHint("##filter", "filter", state.filter, sizeof state.filter)) {
    state.order.filter = state.filter;
    state.scroll = 0;
  }
  name_last_item(ui, "filter");
}

}  // namespace

void choose(Ui& ui, const Choose& choice) {
  switch (choice.what) {
    case Choose::What::nothing:
    case Choose::What::snapshot: break;
    case Choose::What::thread: toggle(ui.selection.threads, choice.value); break;
    case Choose::What::label: toggle(ui.selection.labels, choice.value); break;
    case Choose::What::function: {
      // The second click on the same row takes the first back.
      const bool again = ui.selection.search == choice.value;
      ui.selection.search = again ? std::string() : choice.value;
      ui.function = choice.value;
      const std::size_t room = sizeof ui.flame.search_text - 1;
      ui.flame.search_text[ui.selection.search.copy(ui.flame.search_text, room)] = '\0';
      break;
    }
  }
}

void show_table(Ui& ui, PanelId id, const Table& table, Rect rect, std::uint64_t version) {
  TableState& state = ui.tables[static_cast<std::size_t>(id)];
  const Panel panel(ui, id, table.title.empty() ? title_of(id) : std::string_view(table.title), rect, table.note);
  const Rect body = panel.body(), head = panel.head();
  const bool stale = state.arranged_for != ui.scene->number || state.arranged_version != version ||
                     !(state.arranged_by == state.order);
  if (stale) {
    state.rows = arranged(table, state.order);
    state.arranged_for = ui.scene->number;
    state.arranged_version = version;
    state.arranged_by = state.order;
  }
  const TableGeometry at = table_geometry(table, state.rows.size(), body, ui.pen);
  const float view = std::max(1.0f, body.h - at.header_height);
  const bool over = region("rows", body);
  if (over) state.scroll -= ImGui::GetIO().MouseWheel * at.row_height * 3;
  state.scroll = std::round(std::clamp(state.scroll, 0.0f, std::max(0.0f, at.content_height - view + 2)));
  const ImVec2 mouse = ImGui::GetIO().MousePos;
  const bool clicked = over && ImGui::IsItemClicked(ImGuiMouseButton_Left);
  TablePaint paint{.table = table, .rows = state.rows, .order = state.order, .scroll = state.scroll};
  const auto values = chosen_values(ui);
  paint.chosen = values;
  const Cell* under = nullptr;
  std::string column_tip;
  if (!table.rows.empty()) {
    const auto name = std::string(title_of(id));
    for (std::size_t i = 0; i < at.columns.size(); ++i) {
      if (at.columns[i].w <= 0) continue;
      name_item(ui, name + "/" + table.columns[i].name, at.columns[i]);
      if (!over || !at.columns[i].contains(mouse.x, mouse.y)) continue;
      column_tip = table.columns[i].tip;
      if (clicked) state.order = clicked_header(table, state.order, static_cast<int>(i));
    }
    const float top = body.y + at.header_height;
    if (over && mouse.y >= top) {
      const auto row = static_cast<std::size_t>((mouse.y - top + state.scroll) / at.row_height);
      if (row < state.rows.size() && !table.rows[state.rows[row]].section) {
        paint.hovered = static_cast<int>(row);
        const TableRow& cells = table.rows[state.rows[row]];
        for (std::size_t i = 0; i < std::min(at.columns.size(), cells.cells.size()); ++i)
          if (mouse.x >= at.columns[i].x && mouse.x < at.columns[i].x + at.columns[i].w) under = &cells.cells[i];
        if (clicked) choose(ui, cells.choose);
      }
    }
    if (ui.widgets != nullptr) {
      for (std::size_t i = 0; i < state.rows.size(); ++i) {
        const float y = top + static_cast<float>(i) * at.row_height - state.scroll;
        if (y < top || y + at.row_height > body.y + body.h) continue;
        const TableRow& row = table.rows[state.rows[i]];
        std::string words;
        for (const Cell& cell : row.cells) words += (words.empty() ? "" : " | ") + cell.text;
        name_item(ui, name + ": " + words, {body.x, y, body.w, at.row_height});
      }
    }
  }
  ui.drawing.clear();
  paint_table(ui.drawing, paint, body, ui.pen);
  draw_now(ui);
  if (under != nullptr && !under->tip.empty())
    tooltip(ui, under->tip);
  else if (!column_tip.empty())
    tooltip(ui, column_tip);
  if (table.rows.size() > 8 || !state.order.filter.empty()) {
    ImGui::EndChild();  // the field is in the head, above the body that the panel has opened
    filter_field(ui, state, head, 0);
    ImGui::SetCursorScreenPos({body.x, body.y});
    ImGui::BeginChild("after", {1, 1}, false, ImGuiWindowFlags_NoBackground | ImGuiWindowFlags_NoInputs);
  }
}

}  // namespace fanlight::ui
