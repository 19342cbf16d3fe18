#include <algorithm>
#include <cmath>
#include <cstdio>

#include "ui/viewmodel/status.hpp"
#include "ui/views/panel.hpp"
#include "ui/views/panels.hpp"

namespace fanlight::ui {
namespace {

std::string target_text(const profile::Profile& profile) {
  const profile::Target& target = profile.target;
  std::string text = target.name + " \u00b7 pid " + std::to_string(target.pid);
  if (!target.host.empty()) text += " \u00b7 " + target.host;
  if (!target.kernel.empty()) text += " \u00b7 Linux " + target.kernel;
  if (target.sample_hz > 0) text += " \u00b7 " + std::to_string(target.sample_hz) + " Hz";
  return text;
}

void show_range_buttons(Ui& ui) {
  struct Choice {
    Range::Kind kind;
    std::uint64_t seconds;
  };
  constexpr Choice kChoices[] = {{Range::Kind::last, 5},
                                 {Range::Kind::last, 10},
                                 {Range::Kind::last, 30},
                                 {Range::Kind::last, 120},
                                 {Range::Kind::all, 0}};
  Range& range = ui.selection.range;
  int chosen = -1;
  for (int i = 0; i < 5; ++i) {
    const Choice& choice = kChoices[i];
    if (range.kind == choice.kind &&
        (choice.kind == Range::Kind::all || range.last_ns == choice.seconds * 1'000'000'000))
      chosen = i;
  }
  const int clicked = choose_one(ui, "range", {"5 s", "10 s", "30 s", "2 min", "all"}, chosen);
  if (clicked >= 0) range = {.kind = kChoices[clicked].kind, .last_ns = kChoices[clicked].seconds * 1'000'000'000};
}

/// The chosen stretch in words; empty where it is the newest time, or all of a file.
std::string range_words(const Ui& ui) {
  const Range& range = ui.selection.range;
  if (range.kind != Range::Kind::fixed || ui.scene == nullptr) return {};
  const std::int64_t shift = ui.scene->profile->realtime_offset_ns;
  const auto clock = [shift](std::uint64_t ns) {
    const std::int64_t ms = (static_cast<std::int64_t>(ns) + shift) / 1'000'000 % 86'400'000;
    char text[40];
    std::snprintf(text, sizeof text, "%02lld:%02lld:%02lld.%lld", static_cast<long long>(ms / 3'600'000),
                  static_cast<long long>(ms / 60'000 % 60), static_cast<long long>(ms / 1000 % 60),
                  static_cast<long long>(ms / 100 % 10));
    return std::string(text);
  };
  return clock(range.from_ns) + " to " + clock(range.to_ns) + " UTC";
}

Colour tone_colour(StatusLine::Tone tone) {
  switch (tone) {
    case StatusLine::Tone::good: return kGood;
    case StatusLine::Tone::busy: return kAccent;
    case StatusLine::Tone::bad: return kBad;
  }
  return kMuted;
}

}  // namespace

void show_top_bar(Ui& ui, Rect rect) {
  const Pen& pen = ui.pen;
  Shell& shell = *ui.shell;
  const float pad = std::round(pen.px(12));
  ui.drawing.clear();
  ui.drawing.fill(rect, kPanelHead);
  float x = rect.x + pad;
  // The mark: a fanlight, three panes.
  const float mark = std::round(pen.px(4)), base = std::round(rect.y + rect.h / 2 + pen.px(8));
  for (int i = 0; i < 3; ++i) {
    const float height = std::round(pen.px(i == 1 ? 16.0f : 10.0f));
    ui.drawing.fill({x, base - height, mark, height}, i == 1 ? kAccent : mix(kAccent, kPanelHead, 0.45f));
    x += mark + 2;
  }
  x += pen.px(8);
  draw_now(ui);
  const float y = rect.y + std::floor((rect.h - std::round(pen.px(20))) / 2);
  ImGui::SetCursorScreenPos({x, y});
  for (std::size_t i = 0; i < shell.targets.size(); ++i) {
    ImGui::PushID(static_cast<int>(i));
    const std::string name = fit(shell.targets[i], pen.px(220), Face::small, pen.measure);
    if (small_button(ui, (name + "##target").c_str(), i == shell.target) && i != shell.target) shell.target = i;
    if (ImGui::IsItemHovered()) tooltip(ui, shell.targets[i] + "\nright click: close");
    if (ImGui::IsItemClicked(ImGuiMouseButton_Right) && shell.targets.size() > 1 && i == shell.target)
      shell.wishes.push_back({Wish::What::close_target});
    ImGui::SameLine(0, 3);
    ImGui::PopID();
  }
  if (small_button(ui, " + ", shell.opening)) shell.opening = true;
  if (ImGui::IsItemHovered())
    tooltip(ui, "Another collector, or a file: a recording, pprof, folded stacks, perf script");
  ImGui::SameLine(0, pen.px(12));
  x = ImGui::GetCursorScreenPos().x;
  const float buttons = std::round(pen.px(440));
  if (ui.scene != nullptr) {
    ui.drawing.label(
        x, rect.y + std::floor((rect.h - pen.height(Face::small)) / 2), Face::small, kMuted,
        fit(target_text(*ui.scene->profile), rect.x + rect.w - buttons - x - pad, Face::small, pen.measure));
    draw_now(ui);
  }
  ImGui::SetCursorScreenPos({rect.x + rect.w - buttons, y});
  show_range_buttons(ui);
  ImGui::SameLine(0, pen.px(10));
  if (small_button(ui, ui.selection.frozen ? "frozen" : "freeze", ui.selection.frozen)) run_command(ui, "freeze");
  if (ImGui::IsItemHovered()) tooltip(ui, "Space: hold what is shown, or follow again. Data keep coming.");
  ImGui::SameLine(0, 3);
  if (small_button(ui, "why?", false)) run_command(ui, "why");
  if (ImGui::IsItemHovered())
    tooltip(ui, "w: why was it slow here? Sentences, and what changed against the time before");
  ImGui::SameLine(0, pen.px(10));
  if (small_button(ui, "commands", shell.palette)) run_command(ui, "palette");
  if (ImGui::IsItemHovered()) tooltip(ui, "Ctrl+K: everything that can be done, by its name");
  ImGui::SameLine(0, 3);
  if (small_button(ui, " ? ", shell.help)) run_command(ui, "help");
  if (ImGui::IsItemHovered()) tooltip(ui, "The sheet of keys");
}

void show_pages(Ui& ui, Rect rect) {
  const Pen& pen = ui.pen;
  Shell& shell = *ui.shell;
  const float y = rect.y + std::floor((rect.h - std::round(pen.px(20))) / 2), pad = std::round(pen.px(6));
  ImGui::SetCursorScreenPos({rect.x + pad, y});
  const auto& pages = shell.settings.layout.pages;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    ImGui::PushID(static_cast<int>(i));
    if (small_button(ui, pages[i].name.c_str(), i == shell.page)) {
      shell.page = i;
      shell.enlarged.reset();
    }
    ImGui::PopID();
    ImGui::SameLine(0, 2);
  }
  ImGui::SameLine(0, pen.px(14));
  // What stands between the eye and everything, each to be taken away.
  const auto list = crumbs(ui.selection, range_words(ui));
  const float right = rect.x + rect.w - pad;
  const auto step = [&](const char* words, const char* command, bool can, const char* tip) {
    ImGui::PushStyleVar(ImGuiStyleVar_Alpha, can ? 1.0f : 0.4f);
    if (small_button(ui, words, false) && can) run_command(ui, command);
    ImGui::PopStyleVar();
    if (ImGui::IsItemHovered()) tooltip(ui, tip);
    ImGui::SameLine(0, 2);
  };
  step("undo", "undo", ui.history.can_undo(), "Ctrl+Z: the choice before");
  step("redo", "redo", ui.history.can_redo(), "Ctrl+Y");
  ImGui::SameLine(0, pen.px(8));
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string words = fit(list[i].words, pen.px(200), Face::small, pen.measure) + " \u00d7";
    if (ImGui::GetCursorScreenPos().x + pen.measure(words, Face::small) + pen.px(20) > right) break;
    ImGui::PushID(1000 + static_cast<int>(i));
    if (small_button(ui, words.c_str(), true)) remove(ui.selection, list[i], ui.everything());
    if (ImGui::IsItemHovered()) tooltip(ui, list[i].words + "\nclick: take this away; Home: all of them");
    ImGui::PopID();
    ImGui::SameLine(0, 2);
  }
}

void show_status_bar(Ui& ui, Rect rect) {
  const Pen& pen = ui.pen;
  const StatusLine line = ui.arrival != nullptr ? status_line(ui.arrival->status, ui.selection.frozen, ui.now_ns)
                                                : StatusLine{StatusLine::Tone::busy, "starting"};
  if (ui.widgets != nullptr) ui.widgets->status = line.text;
  name_item(ui, "status: " + line.text, rect);
  ui.drawing.clear();
  ui.drawing.fill(rect, kPanelHead);
  const float side = std::round(pen.px(8)), pad = std::round(pen.px(12));
  const Colour colour = tone_colour(line.tone);
  ui.drawing.fill({rect.x + pad, std::round(rect.y + (rect.h - side) / 2), side, side}, colour);
  const float y = rect.y + std::floor((rect.h - pen.height(Face::small)) / 2);
  const std::string keys = "Space freeze   / search   1-9 views   Ctrl+K commands   ? keys";
  const float right = pen.measure(keys, Face::small);
  ui.drawing.label(rect.x + rect.w - pad - right, y, Face::small, kFaint, keys);
  ui.drawing.label(rect.x + pad + side + pen.px(7), y, Face::small, line.tone == StatusLine::Tone::bad ? kBad : kText,
                   fit(line.text, rect.w - right - 3 * pad - side - pen.px(7), Face::small, pen.measure));
  draw_now(ui);
}

void show_empty(Ui& ui, Rect rect) {
  const EmptyState state =
      ui.arrival != nullptr ? empty_state(ui.arrival->status, ui.now_ns) : EmptyState{"Starting", "", ""};
  if (ui.widgets != nullptr) ui.widgets->panels.push_back({"Empty", rect});
  const Pen& pen = ui.pen;
  const float width = std::min(rect.w - pen.px(40), pen.px(860)), height = pen.px(150);
  const Rect box{std::floor(rect.x + (rect.w - width) / 2), std::floor(rect.y + (rect.h - height) / 2.4f), width,
                 height};
  ui.drawing.clear();
  ui.drawing.fill(box, kPanel);
  ui.drawing.fill({box.x, box.y, std::round(pen.px(4)), box.h}, kAccent);
  const float x = box.x + pen.px(24), inner = width - pen.px(48);
  ui.drawing.label(x, box.y + pen.px(22), Face::large, kText, fit(state.heading, inner, Face::large, pen.measure));
  ui.drawing.label(x, box.y + pen.px(62), Face::regular, kMuted, fit(state.advice, inner, Face::regular, pen.measure));
  if (!state.command.empty()) {
    ui.drawing.fill({x, box.y + pen.px(94), pen.measure(state.command, Face::regular) + pen.px(24), pen.px(32)},
                    kRaised);
    ui.drawing.label(x + pen.px(12), box.y + pen.px(102), Face::regular, kAccent, state.command);
  }
  draw_now(ui);
}

}  // namespace fanlight::ui
