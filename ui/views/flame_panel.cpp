#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/units.hpp"
#include "ui/viewmodel/measured.hpp"
#include "ui/views/paint_flame.hpp"
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
  const bool other_tree = state.laid_out_for != ui.scene;
  if (other_tree || state.zoom != zoom || state.width != width) state.layout = layout_flame(tree, zoom, width);
  if (other_tree || state.searched != ui.selection.search) state.search = search_flame(tree, ui.selection.search);
  state.laid_out_for = ui.scene;
  state.zoom = zoom;
  state.width = width;
  state.searched = ui.selection.search;
}

void tooltip(Ui& ui, const FlameBox& box) {
  const FlameTree& tree = ui.scene->flame;
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
  const bool events = tree.view == "socket" || tree.view == "map";
  const std::string itself = node.self == 0 ? "nothing" : weight_text(tree, node.self);
  ImGui::Text("%s itself (%s)   %s %s", itself.c_str(), share_text(node.self, tree.root().total).c_str(),
              format_count(static_cast<double>(node.count)).c_str(), events ? "events" : "samples");
  if (box.merged) ImGui::TextUnformatted("the widest of several that are too narrow to draw; click to zoom");
}

void show_switches(Ui& ui, const Panel& panel) {
  Selection& selection = ui.selection;
  const Rect head = panel.head();
  ImGui::SetCursorScreenPos({head.x, head.y + std::floor((head.h - std::round(ui.pen.px(20))) / 2)});
  const auto chosen = static_cast<int>(std::find(profile::kViews.begin(), profile::kViews.end(), selection.view) -
                                       profile::kViews.begin());
  // The words take about 540 pixels, the search field 170, what it matched 100.
  const bool roomy = head.w > ui.pen.px(820);
  const int clicked =
      roomy ? choose_one(ui, "view", {"on-CPU", "off-CPU", "runnable", "wall", "sockets", "map ops", "in-process"},
                         chosen)
            : choose_one(ui, "view", {"on", "off", "queue", "wall", "sock", "map", "own"}, chosen);
  if (clicked >= 0) selection.view = profile::kViews[static_cast<std::size_t>(clicked)];
  ImGui::SameLine(0, ui.pen.px(10));
  if (small_button(ui, "idle", selection.idle)) selection.idle = !selection.idle;
  if (ImGui::IsItemHovered()) ImGui::SetTooltip("Show threads that wait in epoll, poll or select for something to do");

  const std::string matched =
      ui.flame.search.active ? share_text(ui.flame.search.weight, ui.scene->flame.root().total) + " matched" : "";
  const float width = std::round(ui.pen.px(roomy ? 170 : 100));
  const float note = matched.empty() ? 0 : ui.pen.measure(matched, Face::small) + ui.pen.px(8);
  const WithFace face(ui, Face::small);
  ImGui::SetCursorScreenPos({head.x + head.w - width, head.y + std::floor((head.h - ImGui::GetFrameHeight()) / 2)});
  ImGui::SetNextItemWidth(width);
  if (ui.flame.focus_search) {
    ImGui::SetKeyboardFocusHere();
    ui.flame.focus_search = false;
  }
  if (ImGui::InputTextWithHint("##search", "search functions  /", ui.flame.search_text, sizeof ui.flame.search_text))
    selection.search = ui.flame.search_text;
  if (note > 0) {
    ui.drawing.clear();
    ui.drawing.label(head.x + head.w - width - note, head.y + std::floor((head.h - ui.pen.height(Face::small)) / 2),
                     Face::small, kMatch, matched);
    draw_now(ui);
  }
}

/// The zoom as a path of buttons, or what the graph shows where there is no zoom.
void show_path(Ui& ui, const Rect& line) {
  const FlameTree& tree = ui.scene->flame;
  const WithFace face(ui, Face::small);
  ImGui::SetCursorScreenPos({line.x + ui.pen.px(9), line.y + std::floor((line.h - ui.pen.height(Face::small)) / 2)});
  if (ui.flame.zoom == 0) {
    std::string words = format_count(static_cast<double>(tree.root().count)) +
                        (tree.view == "socket" || tree.view == "map" ? " events" : " samples") + " over " +
                        format_ns(seconds_of(*ui.scene->profile) * 1e9);
    if (tree.idle_left_out > 0)
      words +=
          "  \u00b7  idle waiting left out: " + share_text(tree.idle_left_out, tree.idle_left_out + tree.root().total) +
          " of the view";
    words += "  \u00b7  click a box to zoom in";
    ImGui::TextColored(vec(kMuted), "%s", words.c_str());
    return;
  }
  std::vector<std::string> path = path_to(tree, ui.flame.zoom);
  if (ImGui::SmallButton("all")) ui.selection.zoom.clear();
  constexpr std::size_t kShown = 4;
  for (std::size_t i = path.size() > kShown ? path.size() - kShown : 0; i < path.size(); ++i) {
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
  ImGui::TextColored(vec(kMuted), "%s of the view  \u00b7  Esc: one step back",
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
    case profile::View::inprocess: break;
  }
  return {};
}

std::string why_empty(const Ui& ui) {
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

void show_graph(Ui& ui, const Rect& body) {
  ImGui::SetCursorScreenPos({body.x, body.y});
  ImGui::BeginChild("graph", {body.w, body.h}, false, ImGuiWindowFlags_NoBackground);
  const FlameTree& tree = ui.scene->flame;
  const float pad = std::round(ui.pen.px(9)), height = flame_row_height(ui.pen);
  lay_out(ui, std::max(1.0f, std::floor(body.w - 2 * pad - ImGui::GetStyle().ScrollbarSize)));
  const FlameLayout& layout = ui.flame.layout;
  if (layout.boxes.empty()) {
    say_nothing_here(ui, why_empty(ui).c_str());
    ImGui::EndChild();
    return;
  }
  const ImVec2 origin = ImGui::GetCursorScreenPos();
  FlamePaint paint{.tree = tree, .layout = layout, .search = ui.flame.search, .zoom = ui.flame.zoom};
  paint.left = origin.x + pad;
  paint.top = origin.y;
  paint.clip_top = body.y;
  paint.clip_bottom = body.y + body.h;
  // One region for the whole graph: thousands of ImGui items would cost more than the drawing.
  ImGui::SetCursorScreenPos({paint.left, paint.top});
  ImGui::InvisibleButton("boxes", {ui.flame.width, std::max(1.0f, static_cast<float>(layout.rows) * height)});
  const FlameBox* under = nullptr;
  if (ImGui::IsItemHovered()) {
    const ImVec2 mouse = ImGui::GetIO().MousePos;
    under = box_at(layout, static_cast<int>((mouse.y - paint.top) / height), mouse.x - paint.left);
  }
  if (under != nullptr) {
    paint.hovered = under->node;
    if (ImGui::IsItemClicked(ImGuiMouseButton_Left)) ui.selection.zoom = path_to(tree, under->node);
    tooltip(ui, *under);
  }
  ui.drawing.clear();
  paint_flame(ui.drawing, paint, ui.pen);
  draw_now(ui);
  if (ui.widgets != nullptr) register_boxes(ui, paint);
  ImGui::EndChild();
}

}  // namespace

void show_flame(Ui& ui, Rect rect) {
  const Panel panel(ui, "Flame graph", rect, {}, Panel::Scroll::no);
  ImGui::EndChild();  // the switches live in the head, above the body that the panel has opened
  show_switches(ui, panel);
  const Rect body = panel.body();
  const Rect line{body.x, body.y, body.w, std::round(ui.pen.px(24))};
  ImGui::SetCursorScreenPos({body.x, body.y});
  ImGui::BeginChild("flame body", {body.w, body.h}, false,
                    ImGuiWindowFlags_NoBackground | ImGuiWindowFlags_NoScrollbar | ImGuiWindowFlags_NoScrollWithMouse);
  show_path(ui, line);
  show_graph(ui, {body.x, line.y + line.h, body.w, std::max(1.0f, body.h - line.h - ui.pen.px(6))});
}

}  // namespace fanlight::ui
