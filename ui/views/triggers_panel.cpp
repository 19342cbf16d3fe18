#include <algorithm>
#include <cmath>

#include "core/units.hpp"
#include "ui/views/paint_table.hpp"
#include "ui/views/panel.hpp"
#include "ui/views/panels.hpp"

namespace fanlight::ui {
namespace {

void add_trigger(Ui& ui) {
  Shell& shell = *ui.shell;
  auto trigger = parse_trigger(shell.trigger_text);
  if (!trigger) {
    shell.trigger_error = trigger.error().what + "; " + trigger.error().hint;
    return;
  }
  shell.trigger_error.clear();
  shell.trigger_text[0] = '\0';
  shell.triggers.push_back(*trigger);
  shell.settings.triggers.push_back(trigger->text);
  shell.wishes.push_back({Wish::What::save});
}

void show_list(Ui& ui, float width) {
  Shell& shell = *ui.shell;
  for (std::size_t i = 0; i < shell.triggers.size(); ++i) {
    const Trigger& trigger = shell.triggers[i];
    std::string now = "not measured";
    const auto& seconds = ui.scene->seen.profile->seconds;
    if (!seconds.empty())
      if (const auto value = trigger_value(trigger, seconds.back())) now = "now " + trigger_words(trigger, *value);
    ImGui::PushID(static_cast<int>(i));
    ImGui::TextUnformatted(trigger.text.c_str());
    ImGui::SameLine(std::min(width * 0.5f, ui.pen.px(240)));
    ImGui::TextColored(vec(kMuted), "%s", now.c_str());
    ImGui::SameLine(std::min(width * 0.8f, ui.pen.px(380)));
    const bool away = small_button(ui, "remove", false);
    ImGui::PopID();
    if (!away) continue;
    shell.triggers.erase(shell.triggers.begin() + static_cast<std::ptrdiff_t>(i));
    std::erase(shell.settings.triggers, trigger.text);
    shell.wishes.push_back({Wish::What::save});
    return;
  }
  if (shell.triggers.empty())
    ImGui::TextColored(vec(kFaint),
                       "None yet. One that fires freezes the picture, and saves the moment as a recording.");
}

Table snapshots_table(const Shell& shell) {
  Table table{.title = "Snapshots",
              .columns = {{"time", 84, false}, {"why", 0, false}, {"of", 70}, {"file", 260, false}},
              .empty = "No snapshot yet. Ctrl+S saves one by hand; a trigger does it by itself."};
  for (std::size_t i = shell.snapshots.size(); i-- > 0;) {
    const SnapshotInfo& one = shell.snapshots[i];
    TableRow row{.choose = {Choose::What::snapshot, std::to_string(i)}};
    row.cells = {text_cell(one.when, Tone::accent),
                 text_cell(one.reason),
                 time_cell(static_cast<double>(one.to_ns - one.from_ns)),
                 {.text = one.file, .tone = Tone::muted, .tip = one.file + "\nclick: open it beside this"}};
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace

void show_triggers(Ui& ui, Rect rect) {
  Shell& shell = *ui.shell;
  const Panel panel(ui, PanelId::triggers, rect, std::to_string(shell.snapshots.size()) + " snapshots");
  const Rect body = panel.body();
  const float pad = std::round(ui.pen.px(10)), left = std::floor(std::min(body.w * 0.45f, ui.pen.px(520)));
  {
    const WithFace face(ui, Face::small);
    ImGui::SetCursorScreenPos({body.x + pad, body.y + pad});
    ImGui::BeginChild("list", {left - 2 * pad, body.h - 2 * pad}, false, ImGuiWindowFlags_NoBackground);
    ImGui::SetNextItemWidth(std::max(80.0f, left - ui.pen.px(110)));
    const bool enter = ImGui::InputTextWithHint("##trigger", "p99 > 20ms", shell.trigger_text,
                                                sizeof shell.trigger_text, ImGuiInputTextFlags_EnterReturnsTrue);
    name_last_item(ui, "trigger field");
    ImGui::SameLine();
    if (small_button(ui, "watch for it", false) || enter) add_trigger(ui);
    ImGui::PushTextWrapPos(left - 3 * pad);
    if (!shell.trigger_error.empty()) ImGui::TextColored(vec(kBad), "%s", shell.trigger_error.c_str());
    std::string names = "p50 p90 p99 p99.9 max, of the delivery latency; or:";
    for (const std::string& name : trigger_metrics())
      if (name[0] != 'p' && name != "max") names += " " + name + ",";
    ImGui::TextColored(vec(kFaint), "%s and the target's own metrics, by their names", names.c_str());
    ImGui::PopTextWrapPos();
    ImGui::Dummy({0, ui.pen.px(4)});
    show_list(ui, left - 2 * pad);
    ImGui::EndChild();
  }
  const Rect right{body.x + left, body.y, body.w - left, body.h};
  const Table table = snapshots_table(shell);
  std::vector<std::uint32_t> rows(table.rows.size());
  for (std::uint32_t i = 0; i < rows.size(); ++i) rows[i] = i;
  const TableOrder order;
  TablePaint paint{.table = table, .rows = rows, .order = order};
  const bool over = region("snapshots", right);
  const ImVec2 mouse = ImGui::GetIO().MousePos;
  const TableGeometry at = table_geometry(table, rows.size(), right, ui.pen);
  const auto row = static_cast<std::size_t>(std::max(0.0f, (mouse.y - right.y - at.header_height) / at.row_height));
  if (over && mouse.y > right.y + at.header_height && row < rows.size()) {
    paint.hovered = static_cast<int>(row);
    const std::size_t number = shell.snapshots.size() - 1 - row;
    if (ImGui::IsItemClicked(ImGuiMouseButton_Left))
      shell.wishes.push_back({Wish::What::open, shell.snapshots[number].file});
  }
  for (std::size_t i = 0; i < rows.size(); ++i)
    name_item(ui, "snapshot " + std::to_string(shell.snapshots.size() - 1 - i),
              {right.x, right.y + at.header_height + static_cast<float>(i) * at.row_height, right.w, at.row_height});
  ui.drawing.clear();
  paint_table(ui.drawing, paint, right, ui.pen);
  draw_now(ui);
}

}  // namespace fanlight::ui
