// The thread timeline as it is drawn. In: tracks, a stretch of time, a width. Out: bars per thread, bounded in number.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "collector/profile/profile.hpp"
#include "ui/model/timeline.hpp"

namespace fanlight::ui {

/// A stretch of one thread in one state. `low` and `high` are shares of the row's height: where a column holds several
/// states they stand one on the other, as large as their time.
struct TimelineBar {
  float x = 0, w = 0;  // pixels from the left edge
  float low = 0, high = 1;
  Reason reason = Reason::running;
  bool kernel = false;  // running, and within the kernel, as far as is known
};

struct TimelineLane {
  pid_t tid = 0;
  std::string name;
  std::vector<TimelineBar> bars;
  double busy = 0;     // share of the stretch that it did not wait idly; 0 to 1
  bool exact = false;  // from every change of state; otherwise from what was counted each second
};

struct WakeArrow {
  float x = 0;
  std::size_t from = 0, to = 0;  // lanes; from == kNobody: an interrupt or a thread that is not the target's
  pid_t waker = 0;
  std::uint64_t time_ns = 0;
  static constexpr std::size_t kNobody = ~std::size_t{0};
};

struct TimelineView {
  std::uint64_t from_ns = 0, to_ns = 0;
  std::vector<TimelineLane> lanes;
  std::vector<WakeArrow> arrows;  // only where they can be told apart
  std::size_t bars = 0;
  float column = 2;  // pixels: how wide columns became
  /// The width to begin with for the next frame, which will be much like this one.
  float next_column(std::size_t most_bars) const { return bars * 3 < most_bars && column > 2 ? column / 2 : column; }
};

/// What was counted of one thread in one of the profile's seconds.
struct LaneSecond {
  std::uint64_t from_ns = 0, to_ns = 0;
  PerReason ns{};
  std::uint64_t kernel_ns = 0;  // of running
};

/// What the lanes of a profile are: busiest first, ties by tid.
struct LaneOrder {
  std::vector<profile::ThreadId> threads;
  std::vector<std::vector<LaneSecond>> seconds;  // by ThreadId, in order of time
};
LaneOrder lane_order(const profile::Profile& profile);

inline constexpr std::size_t kMostBars = 12'000;

/// Lanes `first` to `first + count` over [from_ns, to_ns) at `width` pixels. No more than `most_bars` bars: columns
/// become wider, from `column` on, until that holds. `timeline` may be null. Cost: O(lanes * columns), independent of
/// the number of events.
TimelineView timeline_view(const profile::Profile& profile, const LaneOrder& order, const Timeline* timeline,
                           std::uint64_t from_ns, std::uint64_t to_ns, float width, std::size_t first,
                           std::size_t count, std::size_t most_bars = kMostBars, float column = 2);

}  // namespace fanlight::ui
