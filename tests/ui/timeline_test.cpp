// The timeline's store and its bars against brute force: every nanosecond counted one by one.
#include "ui/model/timeline.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "ui/viewmodel/timeline_view.hpp"

namespace fanlight::ui {
namespace {

using Kind = kernel::TimelineReading::Kind;

profile::Profile random_profile(std::mt19937_64& random, std::uint64_t from, std::uint64_t length, std::size_t events,
                                std::size_t threads) {
  profile::Profile profile;
  for (std::size_t i = 0; i < threads; ++i)
    profile.threads.push_back({.tid = static_cast<pid_t>(100 + i), .name = "t" + std::to_string(i)});
  for (std::size_t i = 0; i < events; ++i) {
    profile::TimelineRow row{.time_ns = from + random() % length,
                             .thread = static_cast<profile::ThreadId>(random() % threads)};
    const auto kind = random() % 40;
    row.kind = kind == 0 ? Kind::end : kind < 5 ? Kind::wake : Kind::state;
    row.reason = static_cast<Reason>(random() % kReasons);
    profile.timeline.push_back(row);
  }
  std::stable_sort(profile.timeline.begin(), profile.timeline.end(),
                   [](const auto& a, const auto& b) { return a.time_ns < b.time_ns; });
  return profile;
}

/// Time of a thread per reason in [from, to), by walking over all rows.
PerReason counted(const std::vector<profile::TimelineRow>& rows, profile::ThreadId thread, std::uint64_t from,
                  std::uint64_t to, std::uint64_t end) {
  PerReason sums{};
  std::optional<Reason> now;
  std::uint64_t since = 0;
  const auto close = [&](std::uint64_t until) {
    if (!now) return;
    const std::uint64_t begin = std::max(since, from), stop = std::min({until, to, end});
    if (begin < stop) sums[static_cast<std::size_t>(*now)] += stop - begin;
  };
  for (const profile::TimelineRow& row : rows) {
    if (row.thread != thread || row.kind == Kind::wake) continue;
    close(row.time_ns);
    now = row.kind == Kind::end ? std::nullopt : std::optional(row.reason);
    since = row.time_ns;
  }
  close(end);
  return sums;
}

TEST(Timeline, ColumnsAreWhatBruteForceCounts) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const std::size_t events = 5 + random() % 3000, threads = 1 + random() % 4;
    const std::uint64_t from = 1'000'000, length = 10'000 + random() % 5'000'000;
    const profile::Profile profile = random_profile(random, from, length, events, threads);
    TimelineStore store;
    store.take(profile);
    const auto timeline = store.timeline();
    const std::uint64_t end = profile.timeline.back().time_ns + 1;
    ASSERT_EQ(timeline->to_ns(), end);
    for (int round = 0; round < 6; ++round) {
      const std::uint64_t a = from + random() % length, b = a + 1 + random() % length;
      const std::size_t columns = 1 + random() % 40;
      for (profile::ThreadId thread = 0; thread < threads; ++thread) {
        const auto track = timeline->track_of(profile.threads[thread].tid, profile.threads[thread].name);
        ASSERT_TRUE(track);
        const auto sums = timeline->columns(*track, a, b, columns);
        const PerReason all = counted(profile.timeline, thread, a, b, end);
        const double width = static_cast<double>(b - a) / static_cast<double>(columns);
        PerReason together{};
        for (std::size_t column = 0; column < columns; ++column) {
          const auto left = a + static_cast<std::uint64_t>(width * static_cast<double>(column));
          const auto right =
              column + 1 == columns ? b : a + static_cast<std::uint64_t>(width * static_cast<double>(column + 1));
          const PerReason exact = counted(profile.timeline, thread, left, right, end);
          for (std::size_t reason = 0; reason < kReasons; ++reason) {
            together[reason] += sums[column][reason];
            // A bin at the edge is shared out by overlap: at most two of a quarter column each are misjudged.
            EXPECT_NEAR(static_cast<double>(sums[column][reason]), static_cast<double>(exact[reason]), width * 0.5 + 3);
          }
        }
        for (std::size_t reason = 0; reason < kReasons; ++reason)
          EXPECT_NEAR(static_cast<double>(together[reason]), static_cast<double>(all[reason]),
                      static_cast<double>(b - a) * 0.005 + width * 0.5 + 3);
      }
    }
  }
}

TEST(Timeline, InPiecesIsTheSameAsAtOnce) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const std::uint64_t from = 1'000'000, length = 2'000'000;
    const profile::Profile whole = random_profile(random, from, length, 400, 3);
    TimelineStore at_once, in_pieces;
    at_once.take(whole);
    // Answers overlap, as those of a rolling range do.
    for (std::size_t end = 0; end < whole.timeline.size();) {
      end = std::min(whole.timeline.size(), end + 1 + random() % 60);
      profile::Profile part{.threads = whole.threads};
      const std::size_t begin = end > 150 ? end - 150 : 0;
      part.timeline.assign(whole.timeline.begin() + static_cast<std::ptrdiff_t>(begin),
                           whole.timeline.begin() + static_cast<std::ptrdiff_t>(end));
      // A cut between records of one instant would be told apart by nobody.
      if (end < whole.timeline.size() && whole.timeline[end].time_ns == whole.timeline[end - 1].time_ns) continue;
      in_pieces.take(part);
    }
    for (TrackId track = 0; track < 3; ++track) {
      const auto once = at_once.timeline()->columns(track, from, from + length, 1)[0];
      const auto pieces = in_pieces.timeline()->columns(track, from, from + length, 1)[0];
      for (std::size_t reason = 0; reason < kReasons; ++reason)
        EXPECT_NEAR(static_cast<double>(once[reason]), static_cast<double>(pieces[reason]),
                    static_cast<double>(length) * 0.002);
    }
  }
}

TEST(Timeline, ForgetsTheOldestBeyondItsCap) {
  std::mt19937_64 random(1);
  TimelineStore store(600'000);
  std::uint64_t events = 0;
  for (std::uint64_t second = 1; second < 60; ++second) {
    const profile::Profile profile = random_profile(random, second * 1'000'000, 1'000'000, 2000, 4);
    store.take(profile);
    events += 2000;
  }
  const auto timeline = store.timeline();
  EXPECT_GT(timeline->forgotten(), 0u);
  EXPECT_LT(timeline->events(), events);
  EXPECT_LE(timeline->memory_bytes(), 1'200'000u) << "the newest chunk always stays";
  EXPECT_GT(timeline->from_ns(), 1'000'000u);
  EXPECT_GT(timeline->to_ns(), 59'000'000u);
}

TEST(Timeline, AnotherTargetBeginsAnew) {
  std::mt19937_64 random(1);
  TimelineStore store;
  store.take(random_profile(random, 5'000'000'000, 1'000'000, 100, 2));
  const auto before = store.timeline();
  store.take(random_profile(random, 1'000, 1'000'000, 100, 2));
  EXPECT_LT(store.timeline()->to_ns(), 2'000'000u);
  EXPECT_GT(before->from_ns(), 4'000'000'000u) << "what was given out stays as it was";
}

TEST(TimelineView, BarsAreBoundedAndWithinTheirLane) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const profile::Profile profile = random_profile(random, 1'000'000, 50'000'000, 20'000, 16);
    TimelineStore store;
    store.take(profile);
    const auto timeline = store.timeline();
    const LaneOrder order = lane_order(profile);
    ASSERT_EQ(order.threads.size(), 16u);
    const TimelineView view = timeline_view(profile, order, timeline.get(), 1'000'000, 51'000'000, 1600, 0, 16, 3000);
    EXPECT_LE(view.bars, 3000u);
    EXPECT_GT(view.bars, 16u);
    for (const TimelineLane& lane : view.lanes) {
      EXPECT_TRUE(lane.exact);
      for (const TimelineBar& bar : lane.bars) {
        EXPECT_GE(bar.x, 0);
        EXPECT_LE(bar.x + bar.w, 1601);
        EXPECT_GE(bar.low, 0);
        EXPECT_LE(bar.high, 1);
        EXPECT_LT(bar.low, bar.high);
      }
    }
  }
}

TEST(TimelineView, ShortStretchesShowEachStateAsItWas) {
  profile::Profile profile;
  profile.threads = {{.tid = 1, .name = "a"}, {.tid = 2, .name = "b"}};
  profile.timeline = {{.time_ns = 1000, .thread = 0, .reason = Reason::running},
                      {.time_ns = 1500, .thread = 0, .reason = Reason::futex},
                      {1700, 0, Kind::wake, Reason::running, 0, 2},
                      {.time_ns = 1800, .thread = 0, .reason = Reason::runnable_queued},
                      {.time_ns = 2000, .thread = 1, .reason = Reason::running}};
  TimelineStore store;
  store.take(profile);
  const auto timeline = store.timeline();
  const TimelineView view = timeline_view(profile, lane_order(profile), timeline.get(), 1000, 2000, 1000, 0, 2);
  ASSERT_EQ(view.lanes.size(), 2u);
  ASSERT_EQ(view.lanes[0].bars.size(), 3u);
  EXPECT_FLOAT_EQ(view.lanes[0].bars[1].x, 500);
  EXPECT_FLOAT_EQ(view.lanes[0].bars[1].w, 300);
  EXPECT_EQ(view.lanes[0].bars[1].reason, Reason::futex);
  ASSERT_EQ(view.arrows.size(), 1u);
  EXPECT_EQ(view.arrows[0].from, 1u);
  EXPECT_EQ(view.arrows[0].to, 0u);
  EXPECT_FLOAT_EQ(view.arrows[0].x, 700);
}

TEST(TimelineView, WithoutRecordsTheSecondsStand) {
  profile::Profile profile{.from_ns = 0, .to_ns = 2'000'000'000};
  profile.threads = {{.tid = 1, .name = "a"}};
  profile.seconds = {{.from_ns = 0, .to_ns = 1'000'000'000}, {.from_ns = 1'000'000'000, .to_ns = 2'000'000'000}};
  profile.thread_points = {{0, 0, Reason::running, 600'000'000, 200'000'000},
                           {0, 0, Reason::poll, 400'000'000, 0},
                           {0, 1, Reason::poll, 1'000'000'000, 0}};
  const TimelineView view = timeline_view(profile, lane_order(profile), nullptr, 0, 2'000'000'000, 200, 0, 4);
  ASSERT_EQ(view.lanes.size(), 1u);
  EXPECT_FALSE(view.lanes[0].exact);
  EXPECT_NEAR(view.lanes[0].busy, 0.3, 1e-6);
  const auto& bars = view.lanes[0].bars;
  ASSERT_EQ(bars.size(), 4u) << "user, kernel, idle; then idle alone";
  EXPECT_FLOAT_EQ(bars[0].high, 0.4f);
  EXPECT_TRUE(bars[1].kernel);
  EXPECT_NEAR(bars[1].high, 0.6f, 1e-5);
  EXPECT_FLOAT_EQ(bars[3].x, 100);
}

}  // namespace
}  // namespace fanlight::ui
