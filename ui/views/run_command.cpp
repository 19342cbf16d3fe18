#include <algorithm>
#include <charconv>

#include "core/units.hpp"
#include "ui/views/panel.hpp"
#include "ui/views/panels.hpp"

namespace fanlight::ui {
namespace {

std::size_t page_named(const Layout& layout, std::string_view name) {
  for (std::size_t i = 0; i < layout.pages.size(); ++i)
    if (layout.pages[i].name == name) return i;
  return layout.pages.size();
}

void go_to(Shell& shell, std::size_t page) {
  if (page >= shell.settings.layout.pages.size()) return;
  shell.page = page;
  shell.enlarged.reset();
}

void step_back(Ui& ui) {
  Shell& shell = *ui.shell;
  if (shell.palette || shell.help || shell.opening) {
    shell.palette = shell.help = shell.opening = false;
  } else if (!ui.selection.search.empty()) {
    ui.selection.search.clear();
    ui.flame.search_text[0] = '\0';
  } else if (shell.enlarged) {
    shell.enlarged.reset();
  } else {
    zoom_out(ui.selection);
  }
}

/// The timeline's own stretch of time, or the chosen one where it has none of its own.
void move_timeline(Ui& ui, double zoom, double shift) {
  if (ui.scene == nullptr) return;
  const profile::Profile& profile = *ui.scene->seen.profile;
  TimelineState& state = ui.timeline;
  const auto all_from = static_cast<double>(profile.from_ns), all_to = static_cast<double>(profile.to_ns);
  double from = state.to_ns > state.from_ns ? static_cast<double>(state.from_ns) : all_from;
  double to = state.to_ns > state.from_ns ? static_cast<double>(state.to_ns) : all_to;
  const double length = std::clamp((to - from) * zoom, std::min(1e3, all_to - all_from), all_to - all_from);
  const double middle = (from + to) / 2 + (to - from) * shift;
  from = std::clamp(middle - length / 2, all_from, std::max(all_from, all_to - length));
  to = from + length;
  state.from_ns = static_cast<std::uint64_t>(from);
  state.to_ns = static_cast<std::uint64_t>(to);
  if (length >= all_to - all_from) state.from_ns = state.to_ns = 0;
}

/// What the keys for a function mean: the one under the pointer, else the one that is searched for.
std::string function_of(const Ui& ui) {
  if (!ui.flame.hovered_function.empty()) return ui.flame.hovered_function;
  return ui.selection.search;
}

void shape(Ui& ui, std::string_view id) {
  Selection& selection = ui.selection;
  const std::string function = function_of(ui);
  if (id == "sandwich") {
    selection.sandwich = selection.sandwich.empty() ? function : std::string();
    selection.zoom.clear();
    if (selection.sandwich.empty()) return;
  }
  if (function.empty())
    return ui.shell->say("Rest the pointer on a box of the flame graph first, or search for a function", ui.now_ns);
  if (id == "focus") toggle(selection.focus, function);
  if (id == "drop") toggle(selection.drop, function);
  if (id == "merge") toggle(selection.merge, function);
  selection.zoom.clear();
}

void copy_stack(Ui& ui) {
  if (ui.flame.hovered_stack.empty())
    return ui.shell->say("Rest the pointer on a box of the flame graph first", ui.now_ns);
  std::string text;
  for (const std::string& name : ui.flame.hovered_stack) text += name + "\n";
  ImGui::SetClipboardText(text.c_str());
  ui.shell->say("Copied " + std::to_string(ui.flame.hovered_stack.size()) + " frames", ui.now_ns);
}

void export_panel(Ui& ui, bool picture) {
  Shell& shell = *ui.shell;
  if (!shell.any_panel_hovered) return shell.say("Rest the pointer on a panel first", ui.now_ns);
  const std::string key(panel_names()[static_cast<std::size_t>(shell.hovered_panel)].key);
  if (picture) return shell.wishes.push_back({Wish::What::picture, {}, key + ".png", shell.hovered_rect});
  std::string csv = panel_csv(ui, shell.hovered_panel);
  if (csv.empty()) return shell.say("This panel has nothing that a table could hold", ui.now_ns);
  shell.wishes.push_back({Wish::What::write, std::move(csv), key + ".csv"});
}

bool look_at(Ui& ui, std::string_view id) {
  Selection& selection = ui.selection;
  if (id.starts_with("view ")) {
    const auto view = profile::view_from(id.substr(5));
    if (view) selection.view = *view;
    return view.has_value();
  }
  if (id.starts_with("last ")) {
    std::uint64_t seconds = 10;
    std::from_chars(id.data() + 5, id.data() + id.size(), seconds);
    selection.range = {.kind = Range::Kind::last, .last_ns = seconds * 1'000'000'000};
  } else if (id == "all") {
    selection.range = {.kind = Range::Kind::all};
  } else if (id == "idle") {
    selection.idle = !selection.idle;
  } else if (id == "invert") {
    selection.invert = !selection.invert;
    selection.zoom.clear();
  } else if (id == "sandwich" || id == "focus" || id == "drop" || id == "merge") {
    shape(ui, id);
  } else if (id.starts_with("colour label ")) {
    selection.colouring = Colouring::label;
    selection.label_key = id.substr(13);
  } else if (id.starts_with("colour ")) {
    for (const Colouring one : kColourings)
      if (name_of(one) == id.substr(7)) selection.colouring = one;
  } else if (id == "everything") {
    static_cast<Chosen&>(selection) = Chosen{.view = selection.view, .idle = selection.idle, .range = ui.everything()};
    ui.timeline.from_ns = ui.timeline.to_ns = 0;
  } else if (id == "undo" || id == "redo") {
    const bool undo = id == "undo";
    if (undo ? ui.history.can_undo() : ui.history.can_redo())
      static_cast<Chosen&>(selection) = undo ? ui.history.undo() : ui.history.redo();
  } else {
    return false;
  }
  return true;
}

bool set_up(Ui& ui, std::string_view id) {
  Shell& shell = *ui.shell;
  Settings& settings = shell.settings;
  if (id.starts_with("theme ")) {
    settings.theme = id == "theme light" ? Theme::light : id == "theme contrast" ? Theme::contrast : Theme::dark;
  } else if (id == "colour-blind") {
    settings.colour_blind = !settings.colour_blind;
  } else if (id == "scale-up" || id == "scale-down") {
    settings.scale = std::clamp(settings.scale * (id == "scale-up" ? 1.1f : 1 / 1.1f), 0.6f, 3.0f);
    shell.wishes.push_back({Wish::What::scale});
  } else if (id == "layout-reset") {
    settings.layout = standard_layout();
    go_to(shell, std::min(shell.page, settings.layout.pages.size() - 1));
  } else {
    return false;
  }
  shell.wishes.push_back({Wish::What::save});
  return true;
}

void take_letter(Ui& ui, ImWchar typed) {
  if (typed >= '1' && typed <= '9') ui.selection.view = profile::kViews[static_cast<std::size_t>(typed - '1')];
  constexpr std::pair<char, const char*> kLetters[] = {
      {' ', "freeze"},        {'?', "help"},    {'/', "search"},  {'i', "idle"},      {'v', "invert"},
      {'s', "sandwich"},      {'f', "focus"},   {'d', "drop"},    {'m', "merge"},     {'c', "copy"},
      {'C', "colour change"}, {'w', "why"},     {'z', "enlarge"}, {'p', "panel-png"}, {'e', "panel-csv"},
      {'+', "zoom-in"},       {'-', "zoom-out"}};
  for (const auto& [letter, id] : kLetters)
    if (typed == static_cast<ImWchar>(letter)) run_command(ui, id);
}

}  // namespace

std::vector<Command> commands_of(const Ui& ui) {
  std::vector<std::string> pages;
  for (const Page& page : ui.shell->settings.layout.pages) pages.push_back(page.name);
  return all_commands(pages, ui.scene != nullptr ? ui.scene->label_keys : std::vector<std::string>());
}

bool run_command(Ui& ui, std::string_view id) {
  Shell& shell = *ui.shell;
  const std::size_t pages = shell.settings.layout.pages.size();
  if (look_at(ui, id) || set_up(ui, id)) return true;
  if (id == "freeze") {
    ui.selection.frozen = !ui.selection.frozen;
  } else if (id == "why") {
    go_to(shell, page_named(shell.settings.layout, "Why"));
  } else if (id == "search") {
    ui.flame.focus_search = true;
  } else if (id == "back") {
    step_back(ui);
  } else if (id.starts_with("page ")) {
    go_to(shell, page_named(shell.settings.layout, id.substr(5)));
  } else if (id == "page-next") {
    go_to(shell, (shell.page + 1) % pages);
  } else if (id == "page-previous") {
    go_to(shell, (shell.page + pages - 1) % pages);
  } else if (id == "target-next") {
    shell.target = shell.targets.empty() ? 0 : (shell.target + 1) % shell.targets.size();
  } else if (id == "copy") {
    copy_stack(ui);
  } else if (id == "zoom-in" || id == "zoom-out") {
    move_timeline(ui, id == "zoom-in" ? 0.5 : 2, 0);
  } else if (id == "earlier" || id == "later") {
    move_timeline(ui, 1, id == "earlier" ? -0.25 : 0.25);
  } else if (id == "enlarge") {
    if (shell.any_panel_hovered || shell.enlarged)
      shell.enlarged = shell.enlarged ? std::nullopt : std::optional(shell.hovered_panel);
  } else if (id == "panel-png" || id == "panel-csv") {
    export_panel(ui, id == "panel-png");
  } else if (id == "export folded" || id == "export pprof") {
    shell.wishes.push_back({Wish::What::write, {}, id == "export folded" ? "folded" : "pb.gz"});
  } else if (id == "snapshot") {
    shell.wishes.push_back({Wish::What::snapshot, "by hand"});
  } else if (id == "palette") {
    shell.palette = !shell.palette;
    shell.palette_fresh = shell.palette;
    shell.help = shell.opening = false;
  } else if (id == "help") {
    shell.help = !shell.help;
    shell.palette = shell.opening = false;
  } else {
    return false;
  }
  return true;
}

void take_keys(Ui& ui) {
  const ImGuiIO& io = ImGui::GetIO();
  const auto pressed = [](ImGuiKey key) { return ImGui::IsKeyPressed(ImGui::GetKeyIndex(key), true); };
  // Letters have no place in ImGui 1.86's own keys beyond these; GLFW numbers them by what is printed on them.
  const auto letter = [](char key) { return ImGui::IsKeyPressed(key, false); };
  if (pressed(ImGuiKey_Escape)) run_command(ui, "back");
  if (io.KeyCtrl && letter('K')) run_command(ui, "palette");
  if (ui.shell->palette || ui.shell->opening) return;
  if (io.KeyCtrl) {
    if (letter('Z')) run_command(ui, io.KeyShift ? "redo" : "undo");
    if (letter('Y')) run_command(ui, "redo");
    if (letter('S')) run_command(ui, "snapshot");
    if (pressed(ImGuiKey_RightArrow)) run_command(ui, "page-next");
    if (pressed(ImGuiKey_LeftArrow)) run_command(ui, "page-previous");
    if (pressed(ImGuiKey_Tab)) run_command(ui, "target-next");
    if (letter('=') || letter('+')) run_command(ui, "scale-up");
    if (letter('-')) run_command(ui, "scale-down");
    return;
  }
  if (io.KeyAlt) {
    for (std::size_t i = 0; i < std::min<std::size_t>(10, ui.shell->settings.layout.pages.size()); ++i)
      if (letter(static_cast<char>('0' + (i + 1) % 10))) go_to(*ui.shell, i);
    return;
  }
  if (io.WantTextInput) return;
  if (pressed(ImGuiKey_Home)) run_command(ui, "everything");
  if (pressed(ImGuiKey_Backspace)) run_command(ui, "undo");
  if (pressed(ImGuiKey_LeftArrow)) run_command(ui, "earlier");
  if (pressed(ImGuiKey_RightArrow)) run_command(ui, "later");
  for (const ImWchar typed : io.InputQueueCharacters) take_letter(ui, typed);
}

}  // namespace fanlight::ui
