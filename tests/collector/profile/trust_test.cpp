#include "collector/profile/trust.hpp"

#include <gtest/gtest.h>

#include "collector/profile/select.hpp"
#include "collector/profile/window.hpp"

namespace fanlight::profile {
namespace {

/// One thread; rows by sampler, module, function, samples, and what each stands for in periods of 10 ms.
class Made {
 public:
  Made() : window_({.name = "t"}, 0) { thread_ = window_.tables().thread_born(1, "worker"); }
  Made& row(Sampler sampler, const std::string& module, const std::string& function, std::uint64_t samples,
            double periods = 1, bool in_kernel = false) {
    Tables& tables = window_.tables();
    Stack stack{tables.frame({.module = module, .offset = std::hash<std::string>{}(function), .name = function})};
    if (in_kernel)
      stack.push_back(tables.frame({.origin = FrameOrigin::kernel, .module = "[kernel]", .offset = 1, .name = "sys"}));
    const auto weight = static_cast<std::uint64_t>(static_cast<double>(samples) * periods * 10e6);
    slice_.samples.push_back({sampler, Reason::running, thread_, tables.stack(stack), weight, samples, 0, 0});
    return *this;
  }
  TrustReport report() {
    window_.append(std::move(slice_));
    return trust(window_.query());
  }

 private:
  Window window_;
  ThreadId thread_ = 0;
  Slice slice_{.from_ns = 0, .to_ns = 1};
};

constexpr Sampler kKernel = Sampler::kernel_cpu;
constexpr Sampler kInprocess = Sampler::inprocess_cpu;

const Compared& find(const TrustReport& report, const std::string& name) {
  for (const Compared& one : report.functions)
    if (one.name == name) return one;
  static const Compared kNone;
  ADD_FAILURE() << name;
  return kNone;
}

TEST(Trust, IntervalsAreWilsons) {
  // By hand: p = 0.5, n = 100, z = 1.96 gives 0.404 to 0.596; p = 0 gives 0 to 0.037.
  const SampledShare half = sampled_share(50, 100, 50, 100);
  EXPECT_NEAR(half.low, 0.4038, 1e-3);
  EXPECT_NEAR(half.high, 0.5962, 1e-3);
  const SampledShare none = sampled_share(0, 100, 0, 100);
  EXPECT_DOUBLE_EQ(none.low, 0);
  EXPECT_NEAR(none.high, 0.0370, 1e-3);
  EXPECT_DOUBLE_EQ(sampled_share(0, 0, 0, 0).high, 1);
}

TEST(Trust, IsWholeWhereBothSayTheSame) {
  const TrustReport report = Made()
                                 .row(kKernel, "/bin/a", "f", 600)
                                 .row(kKernel, "/bin/b", "g", 400)
                                 .row(kInprocess, "/bin/a", "f", 300)
                                 .row(kInprocess, "/bin/b", "g", 200)
                                 .report();
  EXPECT_NEAR(report.overlap_functions, 1, 1e-12);
  EXPECT_NEAR(report.overlap_stacks, 1, 1e-12);
  ASSERT_EQ(report.modules.size(), 2u);
  EXPECT_EQ(report.modules[0].module, "a");
  EXPECT_NEAR(report.modules[0].score, 1, 1e-12);
  EXPECT_NEAR(report.modules[0].share, 0.6, 1e-12);
  EXPECT_NEAR(report.got_hz, 100, 1e-9);
  for (const Compared& one : report.functions) EXPECT_EQ(one.difference, Difference::none);
}

TEST(Trust, ChanceIsNoReasonForMistrust) {
  const TrustReport report = Made()
                                 .row(kKernel, "/bin/a", "f", 52)
                                 .row(kKernel, "/bin/a", "g", 48)
                                 .row(kInprocess, "/bin/a", "f", 46)
                                 .row(kInprocess, "/bin/a", "g", 54)
                                 .report();
  EXPECT_LT(report.overlap_functions, 1);
  EXPECT_NEAR(report.modules[0].score, 1, 1e-12);
}

TEST(Trust, TellsWhyTheyDiffer) {
  struct Case {
    const char* name;
    TrustReport report;
    const char* function;
    Difference difference;
  };
  for (const Case& c : {
           Case{"signals off",
                Made()
                    .row(kKernel, "/a", "open", 500)
                    .row(kKernel, "/a", "closed", 500)
                    .row(kInprocess, "/a", "open", 500)
                    .row(kInprocess, "/a", "unblock", 50, 10)
                    .report(),
                "closed", Difference::signals_off},
           Case{"charged later",
                Made()
                    .row(kKernel, "/a", "open", 500)
                    .row(kKernel, "/a", "closed", 500)
                    .row(kInprocess, "/a", "open", 500)
                    .row(kInprocess, "/a", "unblock", 50, 10)
                    .report(),
                "unblock", Difference::late_signals},
           Case{"kernel time",
                Made()
                    .row(kKernel, "/a", "user", 500)
                    .row(kKernel, "/a", "call", 500, 1, true)
                    .row(kInprocess, "/a", "user", 990)
                    .row(kInprocess, "/a", "call", 10)
                    .report(),
                "call", Difference::kernel_time},
           Case{"no reason",
                Made()
                    .row(kKernel, "/a", "f", 900)
                    .row(kKernel, "/a", "g", 100)
                    .row(kInprocess, "/a", "f", 100)
                    .row(kInprocess, "/a", "g", 900)
                    .report(),
                "f", Difference::unknown},
       }) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(find(c.report, c.function).difference, c.difference) << explain(c.difference);
    EXPECT_LT(c.report.modules[0].score, 0.8);
  }
}

TEST(Trust, NeedsBoth) { EXPECT_FALSE(Made().row(kKernel, "/a", "f", 5).report().possible()); }

TEST(Spans, BecomeFramesBehindTheThread) {
  Window window({.name = "t"}, 0);
  Tables& tables = window.tables();
  const ThreadId thread = tables.thread_born(1, "worker");
  const StackId stack = tables.stack({tables.frame({.module = "m", .offset = 1, .name = "f"})});
  Slice slice{.from_ns = 0, .to_ns = 1};
  slice.samples.push_back(
      {kKernel, Reason::running, thread, stack, 10, 1, tables.labels({{kSpanKey, "outer / inner"}}), 0});
  slice.samples.push_back({kKernel, Reason::running, thread, stack, 5, 1, 0, 0});
  window.append(std::move(slice));
  const auto selector = Selector::make({.spans = true});
  ASSERT_TRUE(selector);
  const WeightedStacks stacks = selector->view(window.query(), View::on_cpu);
  ASSERT_EQ(stacks.stacks.size(), 2u);
  const auto text = [&](const WeightedStack& one) {
    std::string joined;
    for (const FrameId frame : one.frames) joined += stacks.frames.at(frame).name + ";";
    return joined;
  };
  EXPECT_EQ(text(stacks.stacks[0]), "worker;span outer;span inner;f;");
  EXPECT_EQ(text(stacks.stacks[1]), "worker;f;");
}

}  // namespace
}  // namespace fanlight::profile
