#include "ui/viewmodel/timeline_view.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "collector/profile/merge.hpp"

namespace fanlight::ui {
namespace {

/// Running at the bottom, idle on top: what matters stands on the ground.
constexpr std::array<Reason, kReasons> kStanding{Reason::running,
                                                 Reason::runnable_preempted,
                                                 Reason::runnable_queued,
                                                 Reason::runnable_waking,
                                                 Reason::runnable_throttled,
                                                 Reason::futex,
                                                 Reason::mmap_lock,
                                                 Reason::socket_send,
                                                 Reason::socket_receive,
                                                 Reason::pipe,
                                                 Reason::disk,
                                                 Reason::page_fault,
                                                 Reason::other,
                                                 Reason::sleep,
                                                 Reason::event,
                                                 Reason::condition,
                                                 Reason::io_uring,
                                                 Reason::poll};

class Lane {
 public:
  explicit Lane(TimelineLane& lane) : lane_(lane) {}

  /// `whole`: what the full height stands for.
  void column(float x, float w, const PerReason& ns, double whole, double kernel_share) {
    double below = 0;
    for (const Reason reason : kStanding) {
      const auto part = static_cast<double>(ns[static_cast<std::size_t>(reason)]);
      if (part <= 0) continue;
      all_ += part;
      if (!is_idle(reason)) busy_ += part;
      const double share = part / whole;
      // Less than a hundredth of a row's height is not seen; it still counts in the sums.
      if (share >= 0.01 || below == 0) {
        if (reason == Reason::running && kernel_share > 0) {
          bar({x, w, height(below), height(below + share * (1 - kernel_share)), reason, false});
          bar({x, w, height(below + share * (1 - kernel_share)), height(below + share), reason, true});
        } else {
          bar({x, w, height(below), height(below + share), reason, false});
        }
      }
      below += share;
    }
  }
  void span(float x, float w, Reason reason, double ns) {
    all_ += ns;
    if (!is_idle(reason)) busy_ += ns;
    bar({x, w, 0, 1, reason, false});
  }
  void finish() { lane_.busy = all_ > 0 ? busy_ / all_ : 0; }

 private:
  static float height(double share) { return static_cast<float>(std::clamp(share, 0.0, 1.0)); }

  /// Joined to the one before where both are the same state from bottom to top.
  void bar(TimelineBar next) {
    if (next.high <= next.low) return;
    if (!lane_.bars.empty()) {
      TimelineBar& last = lane_.bars.back();
      const bool same = last.reason == next.reason && last.kernel == next.kernel &&
                        std::fabs(last.low - next.low) < 0.01f && std::fabs(last.high - next.high) < 0.01f;
      if (same && std::fabs(last.x + last.w - next.x) < 0.51f) {
        last.w = next.x + next.w - last.x;
        return;
      }
    }
    lane_.bars.push_back(next);
  }

  TimelineLane& lane_;
  double all_ = 0, busy_ = 0;
};

struct Scale {
  std::uint64_t from_ns, to_ns;
  float width;
  float x(std::uint64_t ns) const {
    const std::uint64_t at = std::clamp(ns, from_ns, to_ns);
    return static_cast<float>(static_cast<double>(at - from_ns) / static_cast<double>(to_ns - from_ns) * width);
  }
};

void fill_exact(TimelineLane& lane, const Timeline& timeline, TrackId track, const Scale& scale, float column) {
  lane.exact = true;
  Lane out(lane);
  // Few enough to be told apart: each as it was.
  const auto few = static_cast<std::size_t>(scale.width / std::max(column, 2.0f));
  std::vector<TimelineBar> spans;
  std::vector<double> lengths;
  const bool told =
      timeline.each(track, scale.from_ns, scale.to_ns, few, [&](std::uint64_t begin, std::uint64_t end, Reason reason) {
        const float x = scale.x(begin);
        spans.push_back({x, std::max(1.0f, scale.x(end) - x), 0, 1, reason, false});
        lengths.push_back(static_cast<double>(end - begin));
      });
  if (told && spans.size() <= few) {
    for (std::size_t i = 0; i < spans.size(); ++i) out.span(spans[i].x, spans[i].w, spans[i].reason, lengths[i]);
    out.finish();
    return;
  }
  const auto columns = static_cast<std::size_t>(std::max(1.0f, scale.width / column));
  const auto sums = timeline.columns(track, scale.from_ns, scale.to_ns, columns);
  const double whole = static_cast<double>(scale.to_ns - scale.from_ns) / static_cast<double>(columns);
  const float wide = scale.width / static_cast<float>(columns);
  for (std::size_t i = 0; i < columns; ++i) out.column(static_cast<float>(i) * wide, wide, sums[i], whole, 0);
  out.finish();
}

void fill_counted(TimelineLane& lane, const std::vector<LaneSecond>& seconds, const Scale& scale, float column) {
  Lane out(lane);
  LaneSecond open;
  float x = 0, w = 0;
  double length = 0;
  const auto flush = [&] {
    if (length <= 0) return;
    const auto running = static_cast<double>(open.ns[static_cast<std::size_t>(Reason::running)]);
    out.column(x, w, open.ns, length, running > 0 ? static_cast<double>(open.kernel_ns) / running : 0);
    open = {};
    length = 0;
    w = 0;
  };
  const auto first = std::partition_point(seconds.begin(), seconds.end(),
                                          [&](const LaneSecond& second) { return second.to_ns <= scale.from_ns; });
  for (auto second = first; second != seconds.end() && second->from_ns < scale.to_ns; ++second) {
    const float left = scale.x(second->from_ns), right = scale.x(second->to_ns);
    if (length > 0 && left > x + w + 1) flush();
    if (length == 0) x = left;
    // A second that the edge cuts counts by the part that is inside.
    const double inside =
        static_cast<double>(std::min(second->to_ns, scale.to_ns) - std::max(second->from_ns, scale.from_ns));
    const double share = inside / static_cast<double>(second->to_ns - second->from_ns);
    for (std::size_t reason = 0; reason < kReasons; ++reason)
      open.ns[reason] += static_cast<std::uint64_t>(static_cast<double>(second->ns[reason]) * share);
    open.kernel_ns += static_cast<std::uint64_t>(static_cast<double>(second->kernel_ns) * share);
    length += inside;
    w = right - x;
    if (w >= column) flush();
  }
  flush();
  out.finish();
}

}  // namespace

LaneOrder lane_order(const profile::Profile& profile) {
  LaneOrder order;
  order.seconds.resize(profile.threads.size());
  for (const profile::ThreadPoint& point : profile.thread_points) {
    if (point.second >= profile.seconds.size() || point.thread >= order.seconds.size()) continue;
    const profile::SecondPoint& second = profile.seconds[point.second];
    if (second.to_ns <= second.from_ns) continue;
    auto& seconds = order.seconds[point.thread];
    // They come by second; what comes out of turn would break the search by time.
    if (!seconds.empty() && second.from_ns < seconds.back().from_ns) continue;
    if (seconds.empty() || seconds.back().from_ns != second.from_ns)
      seconds.push_back({second.from_ns, second.to_ns, {}, 0});
    seconds.back().ns[static_cast<std::size_t>(point.reason)] += point.ns;
    seconds.back().kernel_ns += point.kernel_ns;
  }
  order.threads.resize(profile.threads.size());
  std::iota(order.threads.begin(), order.threads.end(), 0u);
  const auto busy = [&](profile::ThreadId id) {
    std::uint64_t ns = 0;
    for (std::size_t i = 0; i < kReasons; ++i)
      if (!is_idle(static_cast<Reason>(i))) ns += profile.threads[id].ns[i];
    return ns;
  };
  std::stable_sort(order.threads.begin(), order.threads.end(), [&](profile::ThreadId a, profile::ThreadId b) {
    const std::uint64_t left = busy(a), right = busy(b);
    return left != right ? left > right : profile.threads[a].tid < profile.threads[b].tid;
  });
  return order;
}

TimelineView timeline_view(const profile::Profile& profile, const LaneOrder& order, const Timeline* timeline,
                           std::uint64_t from_ns, std::uint64_t to_ns, float width, std::size_t first,
                           std::size_t count, std::size_t most_bars, float column) {
  TimelineView view{.from_ns = from_ns, .to_ns = to_ns};
  if (to_ns <= from_ns || !(width >= 1)) return view;
  const Scale scale{from_ns, to_ns, width};
  const std::size_t last = std::min(order.threads.size(), first + count);
  std::map<TrackId, std::size_t> lane_of;
  std::map<pid_t, std::size_t> lane_of_tid;
  for (;; column *= 2) {
    view.column = column;
    view.lanes.clear();
    view.bars = 0;
    lane_of.clear();
    lane_of_tid.clear();
    for (std::size_t i = first; i < last; ++i) {
      const profile::ThreadId id = order.threads[i];
      const profile::Thread& thread = profile.threads[id];
      TimelineLane lane{.tid = thread.tid,
                        .name = thread.name.empty() ? "thread " + std::to_string(thread.tid) : thread.name};
      const auto track = timeline == nullptr ? std::nullopt : timeline->track_of(thread.tid, thread.name);
      const bool exact = track && timeline->from_ns() < to_ns && timeline->to_ns() > from_ns;
      if (exact) {
        fill_exact(lane, *timeline, *track, scale, column);
        lane_of.emplace(*track, view.lanes.size());
      }
      // One that never switched has no record; that it waited all the while is counted all the same.
      if (lane.bars.empty()) {
        lane.exact = false;
        fill_counted(lane, order.seconds[id], scale, column);
      }
      lane_of_tid.emplace(thread.tid, view.lanes.size());
      view.bars += lane.bars.size();
      view.lanes.push_back(std::move(lane));
    }
    if (view.bars <= most_bars || column > width) break;
  }
  if (timeline == nullptr) return view;
  // More arrows than this cannot be told apart, so there are none: fewer would say that the others were not.
  constexpr std::size_t kMostArrows = 400;
  if (timeline->wake_count(from_ns, to_ns) > kMostArrows) return view;
  const std::vector<Wake> wakes = timeline->wakes(from_ns, to_ns, kMostArrows);
  for (const Wake& wake : wakes) {
    const auto to = lane_of.find(wake.track);
    if (to == lane_of.end()) continue;
    const auto from = lane_of_tid.find(wake.waker);
    view.arrows.push_back({scale.x(wake.time_ns), from == lane_of_tid.end() ? WakeArrow::kNobody : from->second,
                           to->second, wake.waker, wake.time_ns});
  }
  return view;
}

}  // namespace fanlight::ui
