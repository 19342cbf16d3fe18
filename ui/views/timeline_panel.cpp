#include <algorithm>
#include <cmath>

#include "core/units.hpp"
#include "ui/viewmodel/measured.hpp"
#include "ui/views/paint_plots.hpp"
#include "ui/views/paint_table.hpp"
#include "ui/views/paint_timeline.hpp"
#include "ui/views/panel.hpp"
#include "ui/views/panels.hpp"

namespace fanlight::ui {
namespace {

/// What there is to look at: all that the scene covers.
std::pair<std::uint64_t, std::uint64_t> whole(const Ui& ui) {
  const profile::Profile& profile = *ui.scene->seen.profile;
  return {profile.from_ns, std::max(profile.to_ns, profile.from_ns + 1)};
}

std::pair<std::uint64_t, std::uint64_t> shown(const Ui& ui) {
  const auto [from, to] = whole(ui);
  const TimelineState& state = ui.timeline;
  if (state.to_ns <= state.from_ns || state.to_ns <= from || state.from_ns >= to) return {from, to};
  return {std::max(state.from_ns, from), std::min(state.to_ns, to)};
}

void bring_up_to_date(Ui& ui, const TimelineFrame& frame) {
  TimelineState& state = ui.timeline;
  const auto [from, to] = shown(ui);
  const std::size_t lanes = ui.scene->lanes.threads.size();
  state.first_lane = std::min(state.first_lane, lanes > frame.lanes ? lanes - frame.lanes : 0);
  const bool same = state.made_for == ui.scene->number && state.made_from == from && state.made_to == to &&
                    state.made_width == frame.area.w && state.made_first == state.first_lane &&
                    state.made_count == frame.lanes;
  if (same) return;
  state.view = timeline_view(*ui.scene->seen.profile, ui.scene->lanes, ui.scene->seen.timeline.get(), from, to,
                             frame.area.w, state.first_lane, frame.lanes, kMostBars, state.view.next_column(kMostBars));
  state.made_for = ui.scene->number;
  state.made_from = from;
  state.made_to = to;
  state.made_width = frame.area.w;
  state.made_first = state.first_lane;
  state.made_count = frame.lanes;
}

void zoom_at(Ui& ui, double factor, double share) {
  const auto [all_from, all_to] = whole(ui);
  const auto [from, to] = shown(ui);
  constexpr double kShortest = 1e3;  // ns: less than a switch takes
  const double length =
      std::clamp(static_cast<double>(to - from) * factor, kShortest, static_cast<double>(all_to - all_from));
  const double at = static_cast<double>(from - all_from) + static_cast<double>(to - from) * share;
  const double begin = std::clamp(at - length * share, 0.0, static_cast<double>(all_to - all_from) - length);
  ui.timeline.from_ns = all_from + static_cast<std::uint64_t>(begin);
  ui.timeline.to_ns = ui.timeline.from_ns + static_cast<std::uint64_t>(length);
  if (length >= static_cast<double>(all_to - all_from)) ui.timeline.from_ns = ui.timeline.to_ns = 0;
}

void say_what_is_here(Ui& ui, const TimelineFrame& frame, std::size_t lane_index) {
  const TimelineView& view = ui.timeline.view;
  const ImVec2 mouse = ImGui::GetIO().MousePos;
  const TimelineLane& lane = view.lanes[lane_index];
  const float x = mouse.x - frame.area.x;
  const double per_pixel =
      static_cast<double>(view.to_ns - view.from_ns) / static_cast<double>(std::max(1.0f, frame.area.w));
  // Arrows first: they are thin.
  for (const WakeArrow& arrow : view.arrows) {
    if (std::fabs(arrow.x - x) > ui.pen.px(3) || (arrow.to != lane_index && arrow.from != lane_index)) continue;
    const std::string by = arrow.from != WakeArrow::kNobody ? view.lanes[arrow.from].name
                           : arrow.waker == 0               ? std::string("an interrupt")
                                                            : "thread " + std::to_string(arrow.waker);
    return tooltip(
        ui, view.lanes[arrow.to].name + " is woken by " + by + "\nwhere: the view wakers, w for the whole story");
  }
  const float top = frame.area.y + static_cast<float>(lane_index) * frame.lane_height;
  const float share = 1 - std::clamp((mouse.y - top) / (frame.lane_height - ui.pen.px(3)), 0.0f, 0.999f);
  const TimelineBar* bar = bar_at(lane, x, share);
  std::string words = lane.name + "  " + std::to_string(lane.tid);
  if (bar != nullptr) {
    const std::string state = std::string(name_of(state_of(bar->reason))) +
                              (state_of(bar->reason) == State::running ? bar->kernel ? " in the kernel" : ""
                                                                       : ": " + std::string(name_of(bar->reason)));
    words += "\n" + state +
             (bar->low <= 0 && bar->high >= 1 ? ", " + format_ns(static_cast<double>(bar->w) * per_pixel)
                                              : ", " + percent_text(static_cast<double>(bar->high - bar->low)) +
                                                    " of " + format_ns(static_cast<double>(bar->w) * per_pixel));
  }
  if (!lane.exact) words += "\ncounted per slice; attach with --trace to see every switch and who woke whom";
  tooltip(ui, words + "\nclick: this thread only; drag: this time only; wheel: zoom");
}

}  // namespace

void show_timeline(Ui& ui, Rect rect) {
  TimelineState& state = ui.timeline;
  const std::size_t lanes = ui.scene->lanes.threads.size();
  const bool exact = ui.scene->seen.timeline && !ui.scene->seen.timeline->empty();
  const auto [from, to] = shown(ui);
  std::string note = format_ns(static_cast<double>(to - from)) + " shown";
  note += exact ? ", every switch" : ", per slice";
  const Panel panel(ui, PanelId::timeline, rect, note);
  const Rect body = panel.body();
  const TimelineFrame frame = timeline_frame(body, lanes, ui.pen);
  ui.drawing.clear();
  if (lanes == 0) {
    paint_words(ui.drawing, no_threads(ui.scene->seen.profile->target), body, kFaint, ui.pen);
    return draw_now(ui);
  }
  bring_up_to_date(ui, frame);
  const TimelineView& view = state.view;
  TimelinePaint paint{.view = view, .chosen = ui.selection.threads};
  paint.live = ui.live();
  paint.origin_ns = paint.live ? whole(ui).second : whole(ui).first;
  paint.hidden = lanes - std::min(lanes, view.lanes.size());
  const ImVec2 mouse = ImGui::GetIO().MousePos;
  const bool over = region("lanes", body);
  const auto lane = static_cast<std::size_t>(std::max(0.0f, (mouse.y - frame.area.y) / frame.lane_height));
  const bool on_lane = over && mouse.y >= frame.area.y && lane < view.lanes.size();
  if (on_lane) paint.hovered = static_cast<int>(lane);
  paint_timeline(ui.drawing, paint, body, ui.pen);
  for (std::size_t i = 0; i < view.lanes.size() && ui.widgets != nullptr; ++i)
    name_item(
        ui, "lane " + view.lanes[i].name,
        {frame.names.x, frame.area.y + static_cast<float>(i) * frame.lane_height, frame.names.w, frame.lane_height});
  const TimeSpan span{view.from_ns, view.to_ns, ui.live()};
  const bool click = over && ImGui::IsItemClicked(ImGuiMouseButton_Left);
  const bool on_names = on_lane && mouse.x < frame.area.x;
  bool dragging = false;
  if (on_names && click) {
    toggle(ui.selection.threads, view.lanes[lane].name);
  } else if (!(ui.drag.where.empty() && on_names)) {
    const float began = ui.drag.from_x;
    const bool was = ui.drag.where == "timeline";
    const Range before = ui.selection.range;
    dragging = drag_time(ui, "timeline", span, frame.area);
    // A click that did not become a drag chooses the thread, and leaves the time alone.
    if (was && !dragging && std::fabs(mouse.x - began) < ui.pen.px(4)) {
      ui.selection.range = before;
      if (on_lane) toggle(ui.selection.threads, view.lanes[lane].name);
    }
  }
  if (over) {
    const float wheel = ImGui::GetIO().MouseWheel;
    if (wheel != 0 && ImGui::GetIO().KeyShift) {
      state.first_lane =
          wheel > 0 ? state.first_lane - std::min<std::size_t>(state.first_lane, 3) : state.first_lane + 3;
    } else if (wheel != 0 && mouse.x >= frame.area.x) {
      zoom_at(ui, wheel > 0 ? 0.7 : 1 / 0.7,
              static_cast<double>((mouse.x - frame.area.x) / std::max(1.0f, frame.area.w)));
    } else if (wheel != 0) {
      state.first_lane =
          wheel > 0 ? state.first_lane - std::min<std::size_t>(state.first_lane, 3) : state.first_lane + 3;
    }
    if (frame.area.contains(mouse.x, mouse.y)) ui.shell->crosshair_ns = span.ns_at(mouse.x, frame.area);
  }
  show_crosshair(ui, span, frame.area);
  draw_now(ui);
  std::vector<Key> keys;
  for (const auto& [words, colour] :
       {std::pair("running", colour_of(Reason::running)), std::pair("in the kernel", palette().kernel),
        std::pair("ready, no CPU", colour_of(Reason::runnable_queued)), std::pair("lock", colour_of(Reason::futex)),
        std::pair("socket", colour_of(Reason::socket_send)), std::pair("disk", colour_of(Reason::disk)),
        std::pair("idle", colour_of(Reason::poll))})
    keys.push_back({words, colour});
  paint_keys(ui.drawing, keys, panel.head(), ui.pen);
  draw_unclipped(ui);
  if (on_lane && !dragging && !on_names) say_what_is_here(ui, frame, lane);
}

}  // namespace fanlight::ui
