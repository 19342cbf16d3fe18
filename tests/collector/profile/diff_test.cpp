#include "collector/profile/diff.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/collector/profile/made_windows.hpp"

namespace fanlight::profile {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

struct Load {
  double parse_ms = 100;  // a second
  double send_ms = 300;
  double extra_ms = 0;  // of a function of its own; 0: there is none
  double messages = 1000;
  std::uint64_t seconds = 30;
  std::uint64_t seed = 1;
};

/// Each function's milliseconds vary by a tenth from second to second.
Window run(const Load& load) {
  std::mt19937_64 random(load.seed);
  std::normal_distribution<double> tenth(1, 0.1);
  Window window({.name = "toy"}, 0);
  Tables& tables = window.tables();
  const ThreadId thread = tables.thread(1, "worker");
  const auto place = [&](std::uint64_t offset, const char* name) {
    return tables.frame({.module = "/bin/toy", .offset = offset, .name = name});
  };
  const FrameId main = place(1, "main");
  const StackId parse = tables.stack({main, place(2, "parse")});
  const StackId send = tables.stack({main, place(3, "send")});
  const StackId extra = tables.stack({main, place(4, "extra")});
  for (std::uint64_t second = 0; second < load.seconds; ++second) {
    Slice slice{.from_ns = (second + 1) * kSecond, .to_ns = (second + 2) * kSecond};
    ThreadSlice row{.thread = thread, .from_ns = slice.from_ns, .to_ns = slice.to_ns};
    const auto add = [&](StackId stack, double ms) {
      if (ms == 0) return;
      const auto ns = static_cast<std::uint64_t>(std::max(0.1, tenth(random)) * ms * 1e6);
      slice.samples.push_back({Sampler::kernel_cpu, Reason::running, thread, stack, ns, 1 + ns / 10'000'000});
      row.ns[0] += ns;
    };
    add(parse, load.parse_ms);
    add(send, load.send_ms);
    add(extra, load.extra_ms);
    row.ns[static_cast<std::size_t>(Reason::poll)] = kSecond - std::min(kSecond, row.ns[0]);
    slice.threads.push_back(row);
    slice.metrics.push_back({"deliveries", Metric::Kind::counter, load.messages, {}});
    window.append(std::move(slice));
  }
  return window;
}

Selector everything() { return std::move(Selector::make({}).value()); }

const Change* find(const std::vector<Change>& changes, const std::string& name) {
  const auto found = std::find_if(changes.begin(), changes.end(), [&](const Change& c) { return c.name == name; });
  return found == changes.end() ? nullptr : &*found;
}

TEST(Diff, FindsWhatChangedAndCallsTheRestNoise) {
  const auto found = diff(run({}), run({.parse_ms = 200, .extra_ms = 50, .seed = 2}), everything(), {});
  ASSERT_TRUE(found) << found.error().what;
  const Change* parse = find(found->functions, "parse");
  ASSERT_NE(parse, nullptr);
  EXPECT_FALSE(parse->noise);
  EXPECT_NEAR(parse->change(), 100e6, 15e6);
  EXPECT_LT(parse->low, parse->change());
  EXPECT_GT(parse->high, parse->change());
  EXPECT_GT(parse->low, 50e6);
  EXPECT_TRUE(find(found->functions, "send")->noise) << "nothing but its own ups and downs";
  EXPECT_FALSE(find(found->functions, "extra")->noise);
  EXPECT_EQ(find(found->functions, "extra")->before, 0);
  EXPECT_FALSE(found->whole.noise);
  EXPECT_EQ(found->functions.front().name, "main") << "largest first, with all it calls";
  EXPECT_FALSE(find(found->stacks, "worker;main;parse")->noise);
  EXPECT_TRUE(found->gone.empty());
  const auto back = diff(run({.extra_ms = 50}), run({}), everything(), {});
  EXPECT_EQ(back->gone, std::vector<std::string>{"extra"});
}

TEST(Diff, TheSameProgramTwiceIsAlmostAlwaysNoise) {
  unsigned false_alarms = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto found = diff(run({.seed = 2 * seed + 10}), run({.seed = 2 * seed + 11}), everything(), {.noise = 0});
    ASSERT_TRUE(found);
    false_alarms += find(found->functions, "parse")->noise ? 0 : 1;
  }
  EXPECT_LE(false_alarms, 7u) << "5 % of 40 are 2; more than 7 come by chance once in a thousand";
}

TEST(Diff, DividesByTimeOrByWork) {
  // Twice the messages at twice the cost is no change per message.
  const Window before = run({});
  const Window after = run({.parse_ms = 200, .send_ms = 600, .messages = 2000, .seed = 3});
  const auto by_time = diff(before, after, everything(), {});
  const auto by_work = diff(before, after, everything(), {.per = "deliveries"});
  ASSERT_TRUE(by_time && by_work);
  EXPECT_NEAR(by_time->whole.after / by_time->whole.before, 2, 0.1);
  EXPECT_NEAR(by_work->whole.after / by_work->whole.before, 1, 0.05);
  EXPECT_TRUE(by_work->whole.noise);
  EXPECT_FALSE(by_time->whole.noise);
  EXPECT_EQ(by_work->per, "deliveries");
  const auto unknown = diff(before, after, everything(), {.per = "cakes"});
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().what.find("no counter 'cakes'"), std::string::npos);
  EXPECT_FALSE(unknown.error().hint.empty());
}

TEST(Diff, ALongerRunIsNoChange) {
  const auto found = diff(run({.seconds = 20}), run({.seconds = 60, .seed = 2}), everything(), {});
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->whole.noise);
  EXPECT_NEAR(static_cast<double>(found->before.total()) / static_cast<double>(found->after.total()), 1, 0.1)
      << "what is drawn is scaled alike";
}

TEST(Diff, OfSingleSlicesSaysThatItKnowsNoBursts) {
  const auto found = diff(run({.seconds = 1}), run({.parse_ms = 400, .seconds = 1, .seed = 2}), everything(), {});
  ASSERT_TRUE(found);
  EXPECT_NE(found->method.find("single samples"), std::string::npos);
  EXPECT_FALSE(find(found->functions, "parse")->noise);
}

TEST(Diff, OfAnythingIsWholeAndNeverThrows) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    const Window a = testing::random_window(seed);
    const Window b = testing::random_window(seed + 1);
    for (const View view : {View::wall, View::on_cpu, View::socket}) {
      const auto found = diff(a, b, everything(), {.view = view, .rounds = 20});
      if (!found) {
        EXPECT_FALSE(found.error().what.empty());
      }
    }
  }
}

}  // namespace
}  // namespace fanlight::profile
