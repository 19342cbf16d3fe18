#include "collector/profile/window.hpp"

#include <gtest/gtest.h>

#include "tests/collector/profile/made_windows.hpp"

namespace fanlight::profile {
namespace {

TEST(Tables, StoreEachThingOnce) {
  Tables tables;
  const FrameId a = tables.frame({FrameOrigin::user, "/bin/x", 16, "f"});
  EXPECT_EQ(tables.frame({FrameOrigin::user, "/bin/x", 16, "named otherwise"}), a);
  EXPECT_NE(tables.frame({FrameOrigin::kernel, "/bin/x", 16, "f"}), a);
  EXPECT_NE(tables.frame({FrameOrigin::user, "/bin/x", 17, "f"}), a);
  const FrameId marker = tables.frame({FrameOrigin::marker, "", 0, "idle"});
  EXPECT_EQ(tables.frame({FrameOrigin::marker, "", 5, "idle"}), marker);
  EXPECT_NE(tables.frame({FrameOrigin::marker, "", 0, "busy"}), marker);
  EXPECT_EQ(tables.stack({a, marker}), tables.stack({a, marker}));
  EXPECT_NE(tables.stack({a, marker}), tables.stack({marker, a}));
  EXPECT_NE(tables.stack({}), tables.stack({a}));
}

TEST(Tables, ATidThatIsUsedAgainIsAnotherThread) {
  Tables tables;
  const ThreadId first = tables.thread(7, "one");
  EXPECT_EQ(tables.thread(7, "ignored"), first);
  const ThreadId second = tables.thread_born(7, "two");
  EXPECT_NE(second, first);
  EXPECT_EQ(tables.thread(7, "ignored"), second);
  EXPECT_EQ(tables.threads()[first].name, "one");
}

TEST(Tables, KeepToTheirCapWithoutLosingWeight) {
  Tables tables(20'000);
  for (std::uint64_t i = 0; i < 10'000; ++i) tables.stack({tables.frame({FrameOrigin::user, "/bin/x", i, "f"})});
  EXPECT_LT(tables.memory_bytes(), 21'000u);
  EXPECT_GT(tables.replaced(), 9'000u);
  const StackId last = tables.stack({tables.frame({FrameOrigin::user, "/bin/x", 99'999, "f"})});
  EXPECT_EQ(tables.frames()[tables.stacks()[last].at(0)].name, "[beyond the memory cap]");
}

TEST(Window, JoinsEverySliceByDefault) {
  const Profile profile = testing::broadcaster().query();
  EXPECT_EQ(profile.from_ns, 100'000'000'000u);
  EXPECT_EQ(profile.to_ns, 102'000'000'000u);
  ASSERT_EQ(profile.threads.size(), 2u);
  EXPECT_EQ(sum(profile.threads[0].ns), 2'000'000'000u);
  EXPECT_EQ(profile.threads[0].socket.writes, 10'000u);
  EXPECT_EQ(profile.threads[0].run_queue_ns.count(), 8u);
  EXPECT_TRUE(profile.threads[1].ended);
  EXPECT_EQ(profile.samples.size(), 7u);
  ASSERT_EQ(profile.metrics.size(), 4u);
  EXPECT_EQ(profile.metrics[0].value, 168'000) << "counters add up";
  EXPECT_EQ(profile.metrics[2].value, 1'000) << "gauges keep the last value";
  EXPECT_EQ(profile.maps.at(0).count, 10'000u);
  EXPECT_EQ(profile.ledger.at(0).dropped.at("ring full"), 4u);
  EXPECT_EQ(profile.cost.programs.at(0).runs, 3'800u);
  EXPECT_EQ(profile.seconds.size(), 2u);
  EXPECT_EQ(profile.seconds[0].samples, 48u + 20 + 1 + 10 + 45 + 23);
}

TEST(Window, ARangeTakesWholeSlicesAndOnlyWhatTheyUse) {
  const Window window = testing::broadcaster();
  const Profile second = window.query(101'500'000'000, 101'600'000'000);
  EXPECT_EQ(second.from_ns, 101'000'000'000u);
  EXPECT_EQ(second.to_ns, 102'000'000'000u);
  EXPECT_EQ(second.threads.size(), 1u) << "worker-2 had ended";
  EXPECT_EQ(second.seconds.size(), 2u) << "the plots show all of the window";
  const Profile edge = window.query(100'000'000'000, 101'000'000'000);
  EXPECT_EQ(edge.to_ns, 101'000'000'000u) << "the end is exclusive";
  const Profile nothing = window.query(1, 2);
  EXPECT_TRUE(nothing.threads.empty());
  EXPECT_TRUE(nothing.frames.empty());
  EXPECT_EQ(nothing.from_ns, nothing.to_ns);
}

TEST(Window, PointsOfAThreadAddUpToItsTime) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    const Window window = testing::random_window(seed);
    if (window.slices().empty()) continue;
    const std::uint64_t from = window.slices()[window.slices().size() / 2].from_ns;
    const Profile profile = window.query(from);
    std::vector<PerReason> sums(profile.threads.size());
    for (const ThreadPoint& point : profile.thread_points) {
      ASSERT_LT(point.thread, profile.threads.size());
      ASSERT_LT(point.second, profile.seconds.size());
      EXPECT_GE(profile.seconds[point.second].to_ns, from) << "of the range only";
      EXPECT_LE(point.kernel_ns, point.ns);
      sums[point.thread][static_cast<std::size_t>(point.reason)] += point.ns;
    }
    for (std::size_t i = 0; i < sums.size(); ++i) EXPECT_EQ(sums[i], profile.threads[i].ns);
  }
}

TEST(Window, ForgetsTheOldestAndSaysSo) {
  Window window({}, 0, 200'000);
  const ThreadId thread = window.tables().thread(1, "t");
  for (std::uint64_t second = 0; second < 1000; ++second) {
    Slice slice{.from_ns = second, .to_ns = second + 1};
    slice.threads.push_back({.thread = thread, .from_ns = second, .to_ns = second + 1});
    window.append(std::move(slice));
  }
  EXPECT_GT(window.slices_forgotten(), 0u);
  EXPECT_EQ(window.slices_forgotten() + window.slices().size(), 1000u);
  EXPECT_EQ(window.slices().back().to_ns, 1000u);
  ASSERT_EQ(window.query().events.size(), 1u);
  EXPECT_NE(window.query().events[0].text.find("forgotten"), std::string::npos);
}

TEST(Window, RefusesRowsThatNameNothing) {
  Window window({}, 0);
  const ThreadId thread = window.tables().thread(1, "t");
  const StackId stack = window.tables().stack({});
  Slice slice{.from_ns = 0, .to_ns = 1};
  slice.threads.push_back({.thread = thread + 1});
  slice.samples = {{.thread = thread, .stack = stack, .weight = 1},
                   {.thread = thread, .stack = stack + 1, .weight = 1},
                   {.thread = thread + 1, .stack = stack, .weight = 1}};
  window.append(std::move(slice));
  EXPECT_EQ(window.rows_refused(), 3u);
  EXPECT_EQ(window.query().samples.size(), 1u);
}

}  // namespace
}  // namespace fanlight::profile
