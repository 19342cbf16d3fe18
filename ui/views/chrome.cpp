#include <algorithm>
#include <cmath>
#include <cstdio>

#include "ui/viewmodel/arrangement.hpp"
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
  x += pen.px(6);
  ui.drawing.label(x, rect.y + std::floor((rect.h - pen.height(Face::bold)) / 2), Face::bold, kText, "Fanlight");
  x += pen.measure("Fanlight", Face::bold) + pen.px(18);
  const float buttons = std::round(pen.px(408));
  if (ui.scene != nullptr)
    ui.drawing.label(
        x, rect.y + std::floor((rect.h - pen.height(Face::regular)) / 2), Face::regular, kMuted,
        fit(target_text(*ui.scene->profile), rect.x + rect.w - buttons - x - pad, Face::regular, pen.measure));
  draw_now(ui);

  const float y = rect.y + std::floor((rect.h - std::round(pen.px(20))) / 2);
  ImGui::SetCursorScreenPos({rect.x + rect.w - buttons, y});
  {
    const WithFace face(ui, Face::small);
    ImGui::SetCursorScreenPos({rect.x + rect.w - buttons, rect.y + std::floor((rect.h - pen.height(Face::small)) / 2)});
    ImGui::TextColored(vec(kMuted), "%s",
                       ui.selection.range.kind == Range::Kind::fixed ? "chosen time" : "look at the last");
  }
  ImGui::SetCursorScreenPos({rect.x + rect.w - buttons + std::round(pen.px(104)), y});
  show_range_buttons(ui);
  ImGui::SameLine(0, pen.px(12));
  if (small_button(ui, ui.selection.frozen ? "frozen" : "freeze", ui.selection.frozen))
    ui.selection.frozen = !ui.selection.frozen;
  if (ImGui::IsItemHovered()) ImGui::SetTooltip("Space: hold what is shown, or follow again. Data keep coming.");
  ImGui::SameLine(0, pen.px(6));
  if (small_button(ui, " ? ", ui.selection.help)) ui.selection.help = !ui.selection.help;
}

void show_status_bar(Ui& ui, Rect rect) {
  const Pen& pen = ui.pen;
  const StatusLine line = ui.arrival != nullptr ? status_line(ui.arrival->status, ui.selection.frozen, ui.now_ns)
                                                : StatusLine{StatusLine::Tone::busy, "starting"};
  if (ui.widgets != nullptr) ui.widgets->status = line.text;
  ui.drawing.clear();
  ui.drawing.fill(rect, kPanelHead);
  const float side = std::round(pen.px(8)), pad = std::round(pen.px(12));
  const Colour colour = tone_colour(line.tone);
  ui.drawing.fill({rect.x + pad, std::round(rect.y + (rect.h - side) / 2), side, side}, colour);
  const float y = rect.y + std::floor((rect.h - pen.height(Face::small)) / 2);
  const std::string keys = "Space freeze   / search   1-7 views   Esc back   ? help";
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

void show_help(Ui& ui, float width, float height) {
  struct HelpLine {
    const char *key, *meaning;
  };
  constexpr HelpLine kLines[] = {{"Space", "freeze what is shown, or follow again"},
                                 {"1 ... 7", "on-CPU, off-CPU, runnable, wall, sockets, map ops, in-process"},
                                 {"click a box", "zoom the flame graph into it"},
                                 {"Esc", "end the search, then one zoom step back"},
                                 {"/", "search for a function; says what share matched"},
                                 {"i", "show or hide idle waiting (epoll, poll, select)"},
                                 {"drag in \"Time per state\"", "look at that time only; click to follow again"},
                                 {"click a column of Threads", "sort by it"},
                                 {"?", "this sheet"}};
  ImGui::SetNextWindowPos({width / 2, height / 2}, ImGuiCond_Always, {0.5f, 0.5f});
  ImGui::SetNextWindowSize({ui.pen.px(620), 0});
  ImGui::PushStyleColor(ImGuiCol_WindowBg, vec(kRaised));
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, {ui.pen.px(20), ui.pen.px(16)});
  ImGui::Begin("Keys", &ui.selection.help,
               ImGuiWindowFlags_NoTitleBar | ImGuiWindowFlags_NoResize | ImGuiWindowFlags_NoMove |
                   ImGuiWindowFlags_NoSavedSettings);
  {
    const WithFace face(ui, Face::bold);
    ImGui::TextUnformatted("Keys");
  }
  ImGui::Dummy({0, ui.pen.px(4)});
  for (const HelpLine& line : kLines) {
    ImGui::TextColored(vec(kAccent), "%s", line.key);
    ImGui::SameLine(ui.pen.px(200));
    ImGui::TextUnformatted(line.meaning);
  }
  ImGui::End();
  ImGui::PopStyleVar();
  ImGui::PopStyleColor();
}

}  // namespace fanlight::ui
