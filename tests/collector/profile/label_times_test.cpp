#include <gtest/gtest.h>

#include <map>

#include "collector/profile/label_totals.hpp"
#include "collector/profile/select.hpp"
#include "collector/profile/view.hpp"
#include "tests/collector/profile/made_windows.hpp"

namespace fanlight::profile {
namespace {

constexpr auto kFutex = static_cast<std::size_t>(Reason::futex);

/// One thread that waited 100 ns, 60 of them for "news", 10 for "sport", which no sample saw.
Profile waiting() {
  Window window({.name = "t"}, 0);
  Tables& tables = window.tables();
  const ThreadId thread = tables.thread_born(1, "worker");
  const StackId stack = tables.stack({tables.frame({.module = "m", .offset = 1, .name = "wait"})});
  const LabelsId news = tables.labels({{"topic", "news"}});
  const LabelsId sport = tables.labels({{"topic", "sport"}});
  const LabelsId traced = tables.labels({{"topic", "news"}, {kTraceKey, "0af7"}});
  Slice slice{.from_ns = 0, .to_ns = 100};
  ThreadSlice row{.thread = thread, .from_ns = 0, .to_ns = 100};
  row.ns[kFutex] = 100;
  slice.threads.push_back(row);
  const auto sample = [&](LabelsId labels, std::uint64_t weight) {
    slice.samples.push_back({Sampler::kernel_blocked, Reason::futex, thread, stack, weight, 1, labels, 0});
  };
  sample(news, 1);
  sample(traced, 1);
  sample(0, 1);
  LabelTime time{thread, news, {}};
  time.ns[kFutex] = 60;
  slice.label_times.push_back(time);
  time.labels = sport;
  time.ns[kFutex] = 10;
  slice.label_times.push_back(time);
  window.append(std::move(slice));
  return window.query();
}

std::map<std::string, std::uint64_t> by_labels(const WeightedStacks& stacks) {
  std::map<std::string, std::uint64_t> weights;
  for (const WeightedStack& stack : stacks.stacks) {
    std::string text;
    for (const auto& [key, value] : stacks.labels.at(stack.labels)) text += key + "=" + value + " ";
    weights[text + stacks.frames.at(stack.frames.back()).name] += stack.weight;
  }
  return weights;
}

TEST(LabelTimes, SamplesOfALabelScaleToItsExactTime) {
  const Profile profile = waiting();
  const WeightedStacks stacks = view(profile, View::off_cpu, true);
  // Two samples of three are of news, one of them for a trace; the kernel says 60 %.
  std::uint64_t news = 0;
  for (const auto& [text, weight] : by_labels(stacks))
    if (text.find("topic=news") != std::string::npos) news += weight;
  EXPECT_EQ(news, 60u);
  EXPECT_EQ(by_labels(stacks).at("topic=sport [unsampled]"), 10u);
  EXPECT_EQ(by_labels(stacks).at("wait"), 30u);
  EXPECT_EQ(stacks.total(), 100u);
  EXPECT_EQ(view(profile, View::off_cpu, false).total(), 100u);
}

TEST(LabelTimes, TotalsOfAKeyAddUpToAllTime) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    const Profile profile = testing::random_window(seed).query();
    const std::uint64_t all = view(profile, View::on_cpu).total() + view(profile, View::runnable).total() +
                              view(profile, View::off_cpu).total();
    for (const View one : {View::on_cpu, View::off_cpu, View::runnable, View::wall})
      EXPECT_EQ(view(profile, one, true).total(), view(profile, one, false).total());
    for (const LabelKeyTotals& key : label_totals(profile)) {
      SCOPED_TRACE(key.key);
      EXPECT_NE(key.key, kTraceKey);
      std::uint64_t sum = 0;
      for (const LabelTotal& total : key.values) sum += total.sum();
      EXPECT_EQ(sum, all);
      EXPECT_FALSE(key.values.back().labelled);
    }
  }
}

TEST(LabelTimes, MoreLabelledTimeThanTimeIsNotBelieved) {
  Profile profile = waiting();
  profile.label_times[0].ns[kFutex] = 1000;
  EXPECT_EQ(view(profile, View::off_cpu, true).total(), 100u);
}

TEST(LabelTimes, ASelectionOfALabelHasItsShare) {
  const Profile profile = waiting();
  const auto selector = Selector::make({.labels = {"topic=news"}});
  ASSERT_TRUE(selector);
  EXPECT_EQ(selector->view(profile, View::off_cpu).total(), 60u);
}

}  // namespace
}  // namespace fanlight::profile
