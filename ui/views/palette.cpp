// Over everything: the command palette, the sheet of keys, the field for another target, and what there is to say.
#include <algorithm>
#include <cmath>

#include "ui/views/panel.hpp"
#include "ui/views/panels.hpp"

namespace fanlight::ui {
namespace {

constexpr ImGuiWindowFlags kSheet = ImGuiWindowFlags_NoTitleBar | ImGuiWindowFlags_NoResize | ImGuiWindowFlags_NoMove |
                                    ImGuiWindowFlags_NoSavedSettings | ImGuiWindowFlags_NoScrollbar;

/// A sheet in the middle of the window, open for its scope.
class Sheet {
 public:
  Sheet(Ui& ui, const char* name, float x, float y, float width, float pivot_y) {
    ImGui::SetNextWindowPos({x, y}, ImGuiCond_Always, {0.5f, pivot_y});
    ImGui::SetNextWindowSize({width, 0});
    ImGui::PushStyleColor(ImGuiCol_WindowBg, vec(kRaised));
    ImGui::PushStyleColor(ImGuiCol_Border, vec(kAccent));
    ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, {ui.pen.px(18), ui.pen.px(14)});
    ImGui::PushStyleVar(ImGuiStyleVar_WindowBorderSize, 1);
    ImGui::Begin(name, nullptr, kSheet);
    if (ui.widgets != nullptr) {
      const ImVec2 at = ImGui::GetWindowPos(), size = ImGui::GetWindowSize();
      ui.widgets->panels.push_back({name, {at.x, at.y, size.x, size.y}});
    }
  }
  ~Sheet() {
    ImGui::End();
    ImGui::PopStyleVar(2);
    ImGui::PopStyleColor(2);
  }
  Sheet(const Sheet&) = delete;
  Sheet& operator=(const Sheet&) = delete;
};

bool pressed(ImGuiKey key) { return ImGui::IsKeyPressed(ImGui::GetKeyIndex(key), true); }

void show_opening(Ui& ui, float width, float height) {
  Shell& shell = *ui.shell;
  const Sheet sheet(ui, "Open", width / 2, height * 0.3f, ui.pen.px(560), 0);
  {
    const WithFace face(ui, Face::bold);
    ImGui::TextUnformatted("Another target");
  }
  ImGui::TextColored(vec(kMuted),
                     "HOST:PORT of a collector, or a file: a recording, pprof, folded stacks, perf script");
  if (ImGui::IsWindowAppearing()) {
    shell.palette_text[0] = '\0';
    ImGui::SetKeyboardFocusHere();
  }
  ImGui::SetNextItemWidth(-1);
  const bool done = ImGui::InputTextWithHint("##open", "127.0.0.1:9180 or run.fanlight", shell.palette_text,
                                             sizeof shell.palette_text, ImGuiInputTextFlags_EnterReturnsTrue);
  name_last_item(ui, "open field");
  if (done && shell.palette_text[0] != '\0') shell.wishes.push_back({Wish::What::open, shell.palette_text});
  if (done) shell.opening = false;
}

}  // namespace

void show_palette(Ui& ui, float width, float height) {
  Shell& shell = *ui.shell;
  if (shell.opening) return show_opening(ui, width, height);
  if (!shell.palette) return;
  const std::vector<Command> commands = commands_of(ui);
  std::vector<std::size_t> found;
  std::string chosen;
  {
    const Sheet sheet(ui, "Commands", width / 2, height * 0.16f, std::min(width - 20, ui.pen.px(640)), 0);
    if (shell.palette_fresh) {
      shell.palette_text[0] = '\0';
      shell.palette_at = 0;
      ImGui::SetKeyboardFocusHere();
      shell.palette_fresh = false;
    }
    ImGui::SetNextItemWidth(-1);
    const std::string before = shell.palette_text;
    const bool enter = ImGui::InputTextWithHint("##command", "what to do: type some of its letters", shell.palette_text,
                                                sizeof shell.palette_text, ImGuiInputTextFlags_EnterReturnsTrue);
    name_last_item(ui, "command field");
    if (before != shell.palette_text) shell.palette_at = 0;
    found = matching(commands, shell.palette_text);
    if (pressed(ImGuiKey_DownArrow)) ++shell.palette_at;
    if (pressed(ImGuiKey_UpArrow) && shell.palette_at > 0) --shell.palette_at;
    if (shell.palette_at >= found.size()) shell.palette_at = found.empty() ? 0 : found.size() - 1;
    const auto rows = static_cast<std::size_t>(std::clamp(height * 0.55f / ui.pen.px(21), 3.0f, 18.0f));
    const std::size_t first = shell.palette_at >= rows ? shell.palette_at - rows + 1 : 0;
    for (std::size_t i = first; i < std::min(found.size(), first + rows); ++i) {
      const Command& command = commands[found[i]];
      ImGui::PushID(static_cast<int>(i));
      if (ImGui::Selectable(command.words.c_str(), i == shell.palette_at)) chosen = command.id;
      name_last_item(ui, "command " + command.id);
      if (!command.key.empty()) {
        const float right = ImGui::GetWindowWidth() - ui.pen.px(18) - ui.pen.measure(command.key, Face::regular);
        ImGui::SameLine(right);
        ImGui::TextColored(vec(kAccent), "%s", command.key.c_str());
      }
      ImGui::PopID();
    }
    if (found.empty()) ImGui::TextColored(vec(kMuted), "Nothing is called that.");
    if (enter && !found.empty()) chosen = commands[found[shell.palette_at]].id;
    if (enter && found.empty()) ImGui::SetKeyboardFocusHere(-1);
  }
  if (chosen.empty()) return;
  shell.palette = false;
  run_command(ui, chosen);
}

void show_help(Ui& ui, float width, float height) {
  if (!ui.shell->help) return;
  const Sheet sheet(ui, "Keys", width / 2, height / 2, std::min(width - 20, ui.pen.px(980)), 0.5f);
  {
    const WithFace face(ui, Face::bold);
    ImGui::TextUnformatted("Keys and mouse");
  }
  ImGui::Dummy({0, ui.pen.px(2)});
  std::vector<std::pair<std::string, std::string>> lines;
  for (const Command& command : commands_of(ui)) {
    if (command.key.empty() || command.id.starts_with("page ") || command.id.starts_with("view ")) continue;
    lines.emplace_back(command.key, command.words);
  }
  lines.insert(lines.begin() + 7, {{"Alt+1 ... Alt+0", "Pages, from left to right"},
                                   {"1 ... 9", "Flame graph: its views, from left to right"}});
  for (const auto& [key, words] :
       {std::pair("drag over time", "Look at that time only, in every panel; click: everything"),
        std::pair("wheel on the timeline", "Zoom; on the names or with Shift: scroll"),
        std::pair("click a row", "Filter by that thread or label; search for that function"),
        std::pair("click a header", "Sort by it; again: the other way round"),
        std::pair("double click a title", "Enlarge the panel; right click: its menu"),
        std::pair("drag a gap", "Make panels larger or smaller")})
    lines.emplace_back(key, words);
  const WithFace face(ui, Face::small);
  const std::size_t half = (lines.size() + 1) / 2;
  if (ImGui::BeginTable("keys", 4, ImGuiTableFlags_SizingFixedFit)) {
    for (std::size_t i = 0; i < half; ++i) {
      ImGui::TableNextRow();
      for (const std::size_t at : {i, i + half}) {
        if (at >= lines.size()) continue;
        ImGui::TableNextColumn();
        ImGui::TextColored(vec(kAccent), "%s", lines[at].first.c_str());
        ImGui::TableNextColumn();
        ImGui::TextUnformatted(lines[at].second.c_str());
      }
    }
    ImGui::EndTable();
  }
}

void show_message(Ui& ui, float width, float height) {
  constexpr std::uint64_t kShown = 5'000'000'000;
  Shell& shell = *ui.shell;
  if (shell.message.empty()) return;
  if (ui.now_ns > shell.message_at_ns + kShown) return shell.message.clear();
  const Pen& pen = ui.pen;
  const std::string words = fit(shell.message, width - pen.px(80), Face::regular, pen.measure);
  const float wide = pen.measure(words, Face::regular) + pen.px(32), high = std::round(pen.px(34));
  const Rect box{std::floor((width - wide) / 2), height - high - std::round(pen.px(34)), wide, high};
  ui.drawing.clear();
  ui.drawing.fill({box.x - 1, box.y - 1, box.w + 2, box.h + 2}, shell.message_bad ? kBad : kAccent);
  ui.drawing.fill(box, kRaised);
  ui.drawing.label(box.x + pen.px(16), box.y + std::floor((high - pen.height(Face::regular)) / 2), Face::regular, kText,
                   words);
  draw(ui.drawing, *ImGui::GetForegroundDrawList(), ui.fonts);
  ui.drawing.clear();
  name_item(ui, "message: " + shell.message, box);
}

}  // namespace fanlight::ui
