#include "collector/profile/view.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <set>

#include "collector/profile/cross_check.hpp"
#include "collector/profile/scale.hpp"
#include "tests/collector/profile/made_windows.hpp"

namespace fanlight::profile {
namespace {

std::string text(const WeightedStacks& stacks, std::size_t index) {
  std::string joined;
  for (const FrameId frame : stacks.stacks.at(index).frames)
    joined += (joined.empty() ? "" : ";") + stacks.frames.at(frame).name;
  return joined;
}

TEST(Scale, SharesAddUpToTheTotal) {
  struct Case {
    const char* name;
    std::uint64_t total;
    std::vector<std::uint64_t> weights, shares;
  };
  const std::uint64_t most = ~std::uint64_t{0};
  for (const Case& c : {Case{"even", 10, {1, 1}, {5, 5}}, Case{"remainder to the largest", 10, {1, 2, 4}, {1, 3, 6}},
                        Case{"tie to the earlier", 3, {1, 1}, {2, 1}}, Case{"no weight", 5, {0, 0}, {3, 2}},
                        Case{"nothing to give", 0, {3, 4}, {0, 0}}, Case{"nobody", 5, {}, {}},
                        Case{"largest numbers", most, {most, most}, {most / 2 + 1, most / 2}}}) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(scale(c.total, c.weights), c.shares);
  }
}

TEST(View, NamesComeBack) {
  for (const View view : kViews) EXPECT_EQ(view_from(name_of(view)), view);
  EXPECT_EQ(view_from("on_cpu"), std::nullopt);
}

TEST(View, OnCpuScalesToTheExactTotal) {
  const WeightedStacks stacks = view(testing::broadcaster().query(), View::on_cpu);
  EXPECT_EQ(stacks.unit, "nanoseconds");
  EXPECT_EQ(stacks.period, 10'101'010u);
  EXPECT_EQ(stacks.total(), 2 * 700'000'001u + 1'000'000);
  ASSERT_EQ(stacks.stacks.size(), 4u);
  EXPECT_EQ(
      text(stacks, 0),
      "worker-1;start_thread;fanlight::server::Worker::run();fanlight::server::Worker::flush();writev;tcp_sendmsg");
  EXPECT_EQ(stacks.stacks[0].count, 96u);
  EXPECT_EQ(stacks.stacks[0].weight, 973'913'045u) << "48/69 of 1,400,000,002, rounded by the largest remainder";
  EXPECT_EQ(text(stacks, 3), "worker-2;[unsampled]");
  EXPECT_EQ(stacks.stacks[3].count, 0u);
}

TEST(View, WallPutsTheStateFirstAndOffCpuTheReasonAfterTheThread) {
  const Profile profile = testing::broadcaster().query();
  const WeightedStacks wall = view(profile, View::wall);
  std::set<std::string> lines;
  for (std::size_t i = 0; i < wall.stacks.size(); ++i) lines.insert(text(wall, i));
  EXPECT_TRUE(lines.contains("blocked: epoll/poll/select;worker-1;epoll_wait;ep_poll"));
  EXPECT_TRUE(lines.contains("blocked: futex;worker-1;[unsampled]"));
  EXPECT_TRUE(lines.contains("runnable: queued;worker-1;[unsampled]"));
  EXPECT_TRUE(lines.contains("running;worker-2;[unsampled]"));
  const WeightedStacks off = view(profile, View::off_cpu);
  EXPECT_EQ(text(off, 0), "worker-2;sleep;[unsampled]");
  EXPECT_EQ(text(off, 1), "worker-1;epoll/poll/select;epoll_wait;ep_poll");
}

TEST(View, WithoutTotalsTheRawWeightsStand) {
  Profile profile = testing::broadcaster().query();
  for (Thread& thread : profile.threads) thread.ns = {};
  EXPECT_EQ(view(profile, View::on_cpu).total(), 138 * 10'101'010u);
  EXPECT_EQ(view(profile, View::on_cpu).name, "oncpu");
  EXPECT_EQ(view(profile, View::off_cpu).total(), 400'000'000u);
}

TEST(View, WithoutKernelSamplesTheSignalSamplerServesRunning) {
  Profile profile = testing::broadcaster().query();
  std::erase_if(profile.samples, [](const SampleRow& row) { return row.sampler != Sampler::inprocess_cpu; });
  WeightedStacks scaled = view(profile, View::on_cpu);
  EXPECT_EQ(scaled.name, "oncpu (in-process samples)");
  EXPECT_EQ(scaled.total(), 2 * 700'000'001u + 1'000'000);
  for (Thread& thread : profile.threads) thread.ns = {};
  EXPECT_EQ(view(profile, View::wall).total(), 136 * 10'101'010u);
  EXPECT_EQ(view(profile, View::off_cpu).total(), 0u);
}

TEST(View, SocketScalesToTheExactBytes) {
  const WeightedStacks stacks = view(testing::broadcaster().query(), View::socket);
  EXPECT_EQ(stacks.unit, "bytes");
  EXPECT_EQ(stacks.total(), 1'280'000u);
  EXPECT_EQ(stacks.stacks.at(0).count, 1'000u);
}

TEST(View, EveryTimeViewOfAnyProfileAddsUpToTheNanosecond) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    const Profile profile = testing::random_window(seed).query();
    const PerReason exact = totals(profile);
    if (sum(exact) == 0) continue;
    std::array<std::uint64_t, 3> by_state{};
    for (std::size_t i = 0; i < kReasons; ++i)
      by_state[static_cast<std::size_t>(state_of(static_cast<Reason>(i)))] += exact[i];
    EXPECT_EQ(view(profile, View::on_cpu).total(), by_state[0]);
    EXPECT_EQ(view(profile, View::runnable).total(), by_state[1]);
    EXPECT_EQ(view(profile, View::off_cpu).total(), by_state[2]);
    const WeightedStacks wall = view(profile, View::wall);
    EXPECT_EQ(wall.total(), sum(exact));
    std::set<Stack> distinct;
    for (const WeightedStack& stack : wall.stacks) EXPECT_TRUE(distinct.insert(stack.frames).second) << "two alike";
    EXPECT_TRUE(std::is_sorted(wall.stacks.begin(), wall.stacks.end(),
                               [](const auto& a, const auto& b) { return a.weight > b.weight; }));
  }
}

TEST(View, TopFunctionsCountAFunctionOncePerStack) {
  WeightedStacks stacks;
  stacks.frames = {{FrameOrigin::marker, "", 0, "worker"},
                   {FrameOrigin::user, "x", 1, "f"},
                   {FrameOrigin::user, "x", 2, "f"},
                   {FrameOrigin::user, "x", 3, "g"}};
  stacks.stacks = {{{0, 1, 2}, 10, 1}, {{0, 1, 3}, 5, 1}};
  const auto top = top_functions(stacks);
  ASSERT_EQ(top.size(), 2u) << "markers are no functions";
  EXPECT_EQ(top[0].name, "f");
  EXPECT_EQ(top[0].self, 10u);
  EXPECT_EQ(top[0].total, 15u);
  EXPECT_EQ(top[1].self, 5u);
}

TEST(CrossCheck, ComparesLeafSharesOfThreadsThatBothSaw) {
  const CrossCheck check = cross_check(testing::broadcaster().query());
  EXPECT_EQ(check.kernel_samples, 138u);
  EXPECT_EQ(check.inprocess_samples, 136u);
  // Kernel 48:20:1 of 69, in-process 45:23 of 68: the distance is what the kernel says more of.
  const double distance = (48.0 / 69 - 45.0 / 68) + 1.0 / 69;
  EXPECT_NEAR(check.agreement, 1 - distance, 1e-12);
  ASSERT_FALSE(check.functions.empty());
  EXPECT_EQ(check.functions[0].name, "fanlight::server::encode<Sse>(std::string_view)");
  EXPECT_NEAR(check.functions[0].kernel, 20.0 / 69, 1e-12);
}

TEST(CrossCheck, NeedsBothSamplers) {
  Profile profile = testing::broadcaster().query();
  std::erase_if(profile.samples, [](const SampleRow& row) { return row.sampler == Sampler::inprocess_cpu; });
  EXPECT_FALSE(cross_check(profile).possible());
}

}  // namespace
}  // namespace fanlight::profile
