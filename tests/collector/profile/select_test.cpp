#include "collector/profile/select.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "collector/profile/redact.hpp"
#include "tests/collector/profile/made_windows.hpp"

namespace fanlight::profile {
namespace {

Profile labelled() {
  Window window = testing::broadcaster();
  const LabelsId news = window.tables().labels({{"topic", "news"}});
  const LabelsId sport = window.tables().labels({{"topic", "sport"}});
  Slice slice = window.slices()[0];
  for (SampleRow& row : slice.samples) row.labels = row.stack == 0 ? news : sport;
  Window fresh(window.target(), 0);
  fresh.tables() = window.tables();
  fresh.append(std::move(slice));
  return fresh.query();
}

std::uint64_t total(const Profile& profile, const Selection& selection) {
  const auto selector = Selector::make(selection);
  return selector ? selector->view(profile, View::on_cpu).total() : 0;
}

TEST(Select, LabelsShareTheExactTotal) {
  const Profile profile = labelled();
  const std::uint64_t whole = total(profile, {});
  const std::uint64_t news = total(profile, {.labels = {"topic=^news$"}});
  const std::uint64_t sport = total(profile, {.labels = {"topic=sport"}});
  EXPECT_EQ(whole, 701'000'001u) << "of both threads, to the nanosecond";
  EXPECT_GT(news, 0u);
  EXPECT_GT(sport, 0u);
  EXPECT_EQ(news + sport, whole - 1'000'000) << "what has no sample has no label";
  EXPECT_EQ(total(profile, {.labels = {"topic=news", "topic=sport"}}), 0u);
}

TEST(Select, ThreadsByNameOrNumber) {
  const Profile profile = labelled();
  EXPECT_EQ(total(profile, {.thread = "worker-2"}), 1'000'000u);
  EXPECT_EQ(total(profile, {.thread = "4243"}), 700'000'001u);
  EXPECT_EQ(total(profile, {.thread = "nobody"}), 0u);
}

TEST(Select, GroupsAndInversionPutTheRightFrameFirst) {
  const Profile profile = labelled();
  const auto first_frames = [&](const Selection& selection) {
    std::set<std::string> names;
    const auto selector = Selector::make(selection);
    const WeightedStacks stacks = selector->view(profile, View::on_cpu);
    for (const WeightedStack& stack : stacks.stacks) names.insert(stacks.frames[stack.frames[0]].name);
    return names;
  };
  EXPECT_EQ(first_frames({.group_by = "label:topic"}),
            (std::set<std::string>{"topic=news", "topic=sport", "[no label]"}));
  EXPECT_EQ(first_frames({.group_by = "module"}),
            (std::set<std::string>{"[kernel]", "fanlight-server", "[no module]"}));
  EXPECT_TRUE(first_frames({.invert = true}).contains("tcp_sendmsg"));
}

TEST(Select, RefusesWhatIsNoPattern) {
  struct Case {
    const char* name;
    Selection selection;
    const char* error;
  };
  for (const Case& c :
       {Case{"thread", {.thread = "("}, "--thread: '('"}, Case{"focus", {.focus = "["}, "--focus"},
        Case{"ignore", {.ignore = "*"}, "--ignore"}, Case{"label", {.labels = {"news"}}, "KEY=PATTERN"},
        Case{"label pattern", {.labels = {"a=("}}, "--label"}, Case{"group", {.group_by = "colour"}, "--group-by"},
        Case{"share", {.min_share = 2}, "--min-percent"}}) {
    SCOPED_TRACE(c.name);
    const auto selector = Selector::make(c.selection);
    ASSERT_FALSE(selector);
    EXPECT_NE(selector.error().what.find(c.error), std::string::npos) << selector.error().what;
  }
}

TEST(Redact, LeavesNoTraceOfWhatMatches) {
  for (const char* secret : {"fanlight", "worker", "news", "subscribers", "example"}) {
    SCOPED_TRACE(secret);
    Profile profile = labelled();
    ASSERT_NE(testing::describe(profile).find(secret), std::string::npos);
    Redaction::make(secret).value().apply(profile);
    EXPECT_EQ(testing::describe(profile).find(secret), std::string::npos);
    EXPECT_EQ(sum(totals(profile)), sum(totals(labelled()))) << "numbers stay";
  }
  EXPECT_FALSE(Redaction::make("("));
}

}  // namespace
}  // namespace fanlight::profile
