#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/units.hpp"
#include "ui/viewmodel/measured.hpp"
#include "ui/viewmodel/tables.hpp"
#include "ui/views/paint_flame.hpp"
#include "ui/views/paint_plots.hpp"
#include "ui/views/paint_table.hpp"
#include "ui/views/panel.hpp"
#include "ui/views/panels.hpp"

namespace fanlight::ui {
namespace {

std::string weight_text(const FlameTree& tree, std::uint64_t weight) {
  return tree.unit == "bytes" ? format_bytes(static_cast<double>(weight)) : format_ns(static_cast<double>(weight));
}

std::string share_text(std::uint64_t part, std::uint64_t whole) {
  return format_share(static_cast<double>(part), static_cast<double>(whole));
}

/// Brings positions and matches up to date. Cost: nothing while nothing changed.
void lay_out(Ui& ui, float width) {
  FlameState& state = ui.flame;
  const FlameTree& tree = ui.scene->flame;
  const NodeId zoom = follow(tree, ui.selection.zoom);
  const bool other_tree = state.laid_out_for != ui.scene->number;
  if (other_tree || state.zoom != zoom || state.width != width) {
    state.layout = layout_flame(tree, zoom, width);
    state.callers =
        ui.scene->choice.chosen.sandwich.empty() ? FlameLayout{} : layout_flame(ui.scene->callers, 0, width);
  }
  if (other_tree || state.searched != ui.selection.search) state.search = search_flame(tree, ui.selection.search);
  state.laid_out_for = ui.scene->number;
  state.zoom = zoom;
  state.width = width;
  state.searched = ui.selection.search;
}

void box_tooltip(Ui& ui, const FlameTree& tree, const FlameBox& box) {
  const FlameNode& node = tree.nodes[box.node];
  const FlameNode& parent = tree.nodes[node.parent];
  const Tooltip open(ui);
  const std::string name(tree.name_of(box.node));
  {
    const WithFace face(ui, Face::bold);
    ImGui::TextUnformatted(name.c_str());
  }
  const std::string module(tree.module_of(box.node));
  ImGui::PushStyleColor(ImGuiCol_Text, vec(kMuted));
  if (node.origin == profile::FrameOrigin::kernel)
    ImGui::TextUnformatted("kernel");
  else if (!module.empty())
    ImGui::TextUnformatted(module.c_str());
  ImGui::PopStyleColor();
  ImGui::Text("%s   %s of the view, %s of its caller", weight_text(tree, node.total).c_str(),
              share_text(node.total, tree.root().total).c_str(), share_text(node.total, parent.total).c_str());
  const bool events = tree.view == "socket" || tree.view == "map" || tree.view == "waker" || tree.view == "faults";
  const std::string itself = node.self == 0 ? "nothing" : weight_text(tree, node.self);
  ImGui::Text("%s itself (%s)   %s %s", itself.c_str(), share_text(node.self, tree.root().total).c_str(),
              format_count(static_cast<double>(node.count)).c_str(), events ? "events" : "samples");
  if (tree.compared) {
    const double change = static_cast<double>(node.total) - static_cast<double>(node.before);
    ImGui::Text("before %s, so %s%s \u00b1 %s%s", weight_text(tree, node.before).c_str(), change < 0 ? "-" : "+",
                weight_text(tree, static_cast<std::uint64_t>(std::fabs(change))).c_str(),
                weight_text(tree, static_cast<std::uint64_t>(node.margin())).c_str(),
                node.changed(tree.root().total) ? "" : ": within chance");
  }
  if (!tree.names[node.label].empty()) ImGui::Text("mostly %s", tree.names[node.label].c_str());
  if (box.merged) ImGui::TextUnformatted("the widest of several that are too narrow to draw; click to zoom");
}

void show_switches(Ui& ui, const Panel& panel) {
  Selection& selection = ui.selection;
  const Rect head = panel.head();
  const float row = head.y + std::floor((head.h - std::round(ui.pen.px(20))) / 2);
  ImGui::SetCursorScreenPos({head.x, row});
  const auto chosen = static_cast<int>(std::find(profile::kViews.begin(), profile::kViews.end(), selection.view) -
                                       profile::kViews.begin());
  // The words take about 610 pixels, the search field 150, what it matched 100.
  const bool roomy = head.w > ui.pen.px(870);
  const int clicked =
      roomy ? choose_one(
                  ui, "view",
                  {"on-CPU", "off-CPU", "runnable", "wall", "sockets", "map ops", "in-process", "wakers", "faults"},
                  chosen)
            : choose_one(ui, "view", {"on", "off", "queue", "wall", "sock", "map", "own", "wake", "fault"}, chosen);
  if (clicked >= 0) selection.view = profile::kViews[static_cast<std::size_t>(clicked)];

  const std::string matched =
      ui.flame.search.active ? share_text(ui.flame.search.weight, ui.scene->flame.root().total) + " matched" : "";
  const float width = std::round(ui.pen.px(roomy ? 150 : 92));
  const float note = matched.empty() ? 0 : ui.pen.measure(matched, Face::small) + ui.pen.px(8);
  const WithFace face(ui, Face::small);
  ImGui::SetCursorScreenPos({head.x + head.w - width, head.y + std::floor((head.h - ImGui::GetFrameHeight()) / 2)});
  ImGui::SetNextItemWidth(width);
  if (ui.flame.focus_search) {
    ImGui::SetKeyboardFocusHere();
    ui.flame.focus_search = false;
  }
  if (ImGui::InputTextWithHint("##search", "search  /", ui.flame.search_text, sizeof ui.flame.search_text))
    selection.search = ui.flame.search_text;
  name_last_item(ui, "search");
  if (note > 0) {
    ui.drawing.clear();
    ui.drawing.label(head.x + head.w - width - note, head.y + std::floor((head.h - ui.pen.height(Face::small)) / 2),
                     Face::small, kMatch, matched);
    draw_now(ui);
  }
}

/// How the graph is made: at the right end of the line below the head.
float show_shape(Ui& ui, const Rect& line) {
  Selection& selection = ui.selection;
  constexpr float kWidth = 372;
  if (line.w < ui.pen.px(kWidth + 120)) return 0;
  const float x = line.x + line.w - ui.pen.px(kWidth);
  ImGui::SetCursorScreenPos({x, line.y + std::floor((line.h - std::round(ui.pen.px(20))) / 2)});
  if (small_button(ui, "idle", selection.idle)) selection.idle = !selection.idle;
  if (ImGui::IsItemHovered()) tooltip(ui, "i: threads that wait in epoll, poll or select for something to do, too");
  ImGui::SameLine(0, 2);
  if (small_button(ui, "invert", selection.invert)) run_command(ui, "invert");
  if (ImGui::IsItemHovered()) tooltip(ui, "v: leaf first, so that what a function costs from everywhere is one box");
  ImGui::SameLine(0, 10);
  {
    const WithFace face(ui, Face::small);
    ImGui::AlignTextToFramePadding();
    ImGui::TextColored(vec(kMuted), "colour by");
  }
  ImGui::SameLine(0, 6);
  const int colour =
      choose_one(ui, "colour", {"module", "state", "label", "change"}, static_cast<int>(selection.colouring));
  if (colour < 0) return ui.pen.px(kWidth);
  selection.colouring = kColourings[static_cast<std::size_t>(colour)];
  if (selection.colouring == Colouring::label && selection.label_key.empty() && !ui.scene->label_keys.empty())
    selection.label_key = ui.scene->label_keys.front();
  if (selection.colouring == Colouring::label && ui.scene->label_keys.empty())
    ui.shell->say("The target puts no labels on its threads; docs/instrument.md says how", ui.now_ns);
  return ui.pen.px(kWidth);
}

/// The zoom as a path of buttons, or what the graph shows where there is no zoom.
void show_path(Ui& ui, const Rect& line) {
  const FlameTree& tree = ui.scene->flame;
  const WithFace face(ui, Face::small);
  ImGui::SetCursorScreenPos({line.x + ui.pen.px(9), line.y + std::floor((line.h - ui.pen.height(Face::small)) / 2)});
  if (ui.flame.zoom == 0) {
    std::string words =
        format_count(static_cast<double>(tree.root().count)) +
        (tree.view == "socket" || tree.view == "map" || tree.view == "waker" || tree.view == "faults" ? " events"
                                                                                                      : " samples") +
        " over " + format_ns(seconds_of(*ui.scene->profile) * 1e9);
    if (tree.idle_left_out > 0)
      words +=
          "  \u00b7  idle waiting left out: " + share_text(tree.idle_left_out, tree.idle_left_out + tree.root().total) +
          " of the view";
    const std::string shown = fit(words, line.w - ui.pen.px(18), Face::small, ui.pen.measure);
    ImGui::TextColored(vec(kMuted), "%s", shown.c_str());
    return;
  }
  std::vector<std::string> path = path_to(tree, ui.flame.zoom);
  if (ImGui::SmallButton("all")) ui.selection.zoom.clear();
  const std::size_t shown_steps = line.w < ui.pen.px(500) ? 2 : 4;
  for (std::size_t i = path.size() > shown_steps ? path.size() - shown_steps : 0; i < path.size(); ++i) {
    ImGui::SameLine(0, ui.pen.px(5));
    ImGui::TextColored(vec(kFaint), "\u203a");
    ImGui::SameLine(0, ui.pen.px(5));
    ImGui::PushID(static_cast<int>(i));
    const std::string label = fit(short_name(path[i]), ui.pen.px(180), Face::small, ui.pen.measure) + "##path";
    if (ImGui::SmallButton(label.c_str()))
      ui.selection.zoom.assign(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    ImGui::PopID();
  }
  ImGui::SameLine(0, ui.pen.px(10));
  ImGui::TextColored(vec(kMuted), "%s of the view",
                     share_text(tree.nodes[ui.flame.zoom].total, tree.root().total).c_str());
}

/// The probe without which a view has nothing to show; empty: the view needs none of the kernel's.
std::string_view probe_of(profile::View view) {
  switch (view) {
    case profile::View::on_cpu: return kOnCpuSampler;
    case profile::View::off_cpu:
    case profile::View::runnable:
    case profile::View::wall:
    case profile::View::waker: return kScheduler;
    case profile::View::socket: return kSocketWrites;
    case profile::View::map: return kMapOperations;
    case profile::View::faults:
    case profile::View::inprocess: break;
  }
  return {};
}

std::string why_empty(const Ui& ui) {
  if (!ui.scene->choice.chosen.sandwich.empty())
    return "No stack in this view goes through " + short_name(ui.scene->choice.chosen.sandwich) + ".";
  if (!ui.selection.focus.empty() || !ui.selection.drop.empty() || !ui.selection.labels.empty() ||
      !ui.selection.threads.empty())
    return "No stack in this view is left by the filters above. Home takes them all away.";
  if (ui.scene->flame.idle_left_out > 0) return "Every thread waited for something to do. Press \"idle\" to see where.";
  const std::string_view probe = probe_of(ui.selection.view);
  if (const auto why = unmeasured(ui.scene->profile->target, probe); why && !probe.empty())
    return "This view: " + *why + ".";
  switch (ui.selection.view) {
    case profile::View::on_cpu: return "No thread ran in this time.";
    case profile::View::off_cpu: return "No thread was blocked in this time.";
    case profile::View::runnable: return "No thread had to wait for a CPU in this time.";
    case profile::View::wall: return "No thread was seen in this time.";
    case profile::View::socket: return "Nothing was written to a socket in this time, or its stacks were not sampled.";
    case profile::View::map: return "No map operation was sampled in this time.";
    case profile::View::faults: return "No page fault was sampled in this time.";
    case profile::View::waker: return "No wake-up was sampled in this time.";
    case profile::View::inprocess:
      return "No samples from inside the target: it was idle, or does not carry Fanlight's sampler.";
  }
  return "";
}

void register_boxes(Ui& ui, const FlamePaint& paint) {
  const auto whole = static_cast<double>(paint.tree.root().total);
  std::vector<int> drawn(paint.tree.nodes.size(), -1);
  for (const FlameBox& box : paint.layout.boxes) {
    const FlameNode& node = paint.tree.nodes[box.node];
    Widgets::Box entry{.name = std::string(paint.tree.name_of(box.node)), .depth = box.row};
    entry.parent = box.node == 0 ? -1 : drawn[node.parent];
    entry.rect = flame_rect(paint, box, ui.pen);
    entry.share = whole > 0 ? static_cast<double>(node.total) / whole : 0;
    entry.merged = box.merged;
    if (!box.merged) drawn[box.node] = static_cast<int>(ui.widgets->flame.size());
    ui.widgets->flame.push_back(std::move(entry));
  }
}

/// The box under the pointer, and what keys and clicks do with it.
void take_box(Ui& ui, const FlameTree& tree, const FlameBox& box, bool zooms) {
  ui.flame.hovered_function = tree.nodes[box.node].origin == profile::FrameOrigin::marker && box.node != 0
                                  ? std::string()
                                  : std::string(tree.name_of(box.node));
  if (box.node == 0) ui.flame.hovered_function.clear();
  ui.flame.hovered_stack = path_to(tree, box.node);
  if (ui.selection.invert || &tree == &ui.scene->callers)
    std::reverse(ui.flame.hovered_stack.begin(), ui.flame.hovered_stack.end());
  if (ImGui::IsItemClicked(ImGuiMouseButton_Left)) {
    if (zooms) ui.selection.zoom = path_to(tree, box.node);
    ui.function = ui.flame.hovered_function;
  }
  if (ImGui::IsItemClicked(ImGuiMouseButton_Right)) ImGui::OpenPopup("box");
}

/// What can be done with a function, for those who do not know the keys.
void box_menu(Ui& ui) {
  if (!ImGui::BeginPopup("box")) return;
  FlameState& state = ui.flame;
  if (ImGui::IsWindowAppearing()) {
    state.menu_function = state.hovered_function;
    state.menu_stack = state.hovered_stack;
  }
  const std::string& function = state.hovered_function = state.menu_function;
  state.hovered_stack = state.menu_stack;
  {
    const WithFace face(ui, Face::small);
    ImGui::TextColored(vec(kMuted), "%s", function.empty() ? "no function" : short_name(function).c_str());
    for (const auto& [id, words, key] :
         {std::tuple("sandwich", "Callers and callees (sandwich)", "s"),
          std::tuple("focus", "Only stacks with it", "f"), std::tuple("drop", "Stacks without it", "d"),
          std::tuple("merge", "Merge it into its callers", "m"), std::tuple("copy", "Copy the stack", "c")})
      if (ImGui::MenuItem(words, key, false, !function.empty())) run_command(ui, id);
  }
  ImGui::EndPopup();
}

void show_graph(Ui& ui, const Rect& body) {
  ImGui::SetCursorScreenPos({body.x, body.y});
  ImGui::BeginChild("graph", {body.w, body.h}, false, ImGuiWindowFlags_NoBackground);
  const FlameTree& tree = ui.scene->flame;
  const float pad = std::round(ui.pen.px(9)), height = flame_row_height(ui.pen);
  const FlameLayout &layout = ui.flame.layout, &callers = ui.flame.callers;
  if (layout.boxes.empty()) {
    ui.drawing.clear();
    paint_words(ui.drawing, why_empty(ui), body, kFaint, ui.pen);
    draw_now(ui);
    ImGui::EndChild();
    return;
  }
  const ImVec2 origin = ImGui::GetCursorScreenPos();
  // The callers' root is the function itself, which the callees show already.
  const auto rows_above = static_cast<std::uint16_t>(callers.rows > 0 ? callers.rows - 1 : 0);
  const float above = static_cast<float>(rows_above) * height;
  FlamePaint paint{.tree = tree, .layout = layout, .search = ui.flame.search, .zoom = ui.flame.zoom};
  paint.left = origin.x + pad;
  paint.top = origin.y + above;
  paint.clip_top = body.y;
  paint.clip_bottom = body.y + body.h;
  paint.colouring = ui.selection.colouring;
  FlameSearch none;
  none.matches.assign(ui.scene->callers.names.size(), false);
  FlamePaint upper{.tree = ui.scene->callers, .layout = callers, .search = none};
  upper.left = paint.left;
  upper.clip_top = body.y;
  upper.clip_bottom = origin.y + above - 1;
  upper.colouring = paint.colouring;
  upper.upward = true;
  upper.rows = callers.rows;
  upper.top = origin.y;
  // One region for the whole graph: thousands of ImGui items would cost more than the drawing.
  ImGui::SetCursorScreenPos({paint.left, origin.y});
  ImGui::InvisibleButton("boxes", {ui.flame.width, std::max(1.0f, above + static_cast<float>(layout.rows) * height)},
                         ImGuiButtonFlags_MouseButtonLeft | ImGuiButtonFlags_MouseButtonRight);
  ui.flame.hovered_function.clear();
  ui.flame.hovered_stack.clear();
  if (ImGui::IsItemHovered()) {
    const ImVec2 mouse = ImGui::GetIO().MousePos;
    if (mouse.y >= paint.top) {
      const FlameBox* under = box_at(layout, static_cast<int>((mouse.y - paint.top) / height), mouse.x - paint.left);
      if (under != nullptr) {
        paint.hovered = under->node;
        take_box(ui, tree, *under, true);
        box_tooltip(ui, tree, *under);
      }
    } else {
      const int row = rows_above - static_cast<int>((mouse.y - origin.y) / height);
      const FlameBox* under = box_at(callers, row, mouse.x - paint.left);
      if (under != nullptr) {
        upper.hovered = under->node;
        take_box(ui, ui.scene->callers, *under, false);
        box_tooltip(ui, ui.scene->callers, *under);
      }
    }
  }
  box_menu(ui);
  ui.drawing.clear();
  if (rows_above > 0) paint_flame(ui.drawing, upper, ui.pen);
  paint_flame(ui.drawing, paint, ui.pen);
  draw_now(ui);
  if (ui.widgets != nullptr) register_boxes(ui, paint);
  ImGui::EndChild();
}

}  // namespace

void show_flame(Ui& ui, Rect rect) {
  const Panel panel(ui, PanelId::flame, rect, {});
  // First of all: what the last scene's boxes were numbered by means nothing in another one.
  const float margin = 2 * std::round(ui.pen.px(9)) + ImGui::GetStyle().ScrollbarSize;
  lay_out(ui, std::max(1.0f, std::floor(panel.body().w - margin)));
  ImGui::EndChild();  // the switches live in the head, above the body that the panel has opened
  show_switches(ui, panel);
  const Rect body = panel.body();
  const Rect line{body.x, body.y, body.w, std::round(ui.pen.px(26))};
  ImGui::SetCursorScreenPos({body.x, body.y});
  ImGui::BeginChild("flame body", {body.w, body.h}, false,
                    ImGuiWindowFlags_NoBackground | ImGuiWindowFlags_NoScrollbar | ImGuiWindowFlags_NoScrollWithMouse);
  const float used = show_shape(ui, line);
  show_path(ui, {line.x, line.y, line.w - used, line.h});
  const float legend = body.h > ui.pen.px(170) ? std::round(ui.pen.px(18)) : 0;
  show_graph(ui, {body.x, line.y + line.h, body.w, std::max(1.0f, body.h - line.h - legend - ui.pen.px(6))});
  if (legend > 0 && !ui.flame.layout.boxes.empty()) {
    std::vector<Key> keys;
    for (const ColourKey& key : colour_keys(ui.scene->flame, ui.flame.layout, ui.selection.colouring, 8))
      keys.push_back({key.text, key.colour});
    ui.drawing.clear();
    paint_keys(ui.drawing, keys,
               {body.x + ui.pen.px(9), body.y + body.h - legend - ui.pen.px(2), body.w - ui.pen.px(18), legend},
               ui.pen);
    draw_now(ui);
  }
}

}  // namespace fanlight::ui
