#include "collector/profile/stack_quality.hpp"

#include <gtest/gtest.h>

#include "collector/profile/window.hpp"

namespace fanlight::profile {
namespace {

constexpr auto kRegisters = FrameFound::registers;
constexpr auto kRule = FrameFound::eh_frame;
constexpr auto kPointer = FrameFound::frame_pointer;
constexpr auto kUntold = FrameFound::untold;

/// Frames 0 "main" of a.out, 1 "jitted" of [anon], 2 of the kernel, 3 a marker.
class Quality : public ::testing::Test {
 protected:
  Quality() : window_({}, 0) {
    Tables& tables = window_.tables();
    tables.frame({FrameOrigin::user, "/a.out", 1, "main"});
    tables.frame({FrameOrigin::user, "[anon]", 2, "jitted"});
    tables.frame({FrameOrigin::kernel, "[kernel]", 3, "schedule"});
    tables.frame({.origin = FrameOrigin::marker, .name = "[truncated]"});
    thread_ = tables.thread(1, "t");
  }
  std::vector<StackQuality> of(Stack stack, StackFound found, Sampler sampler = Sampler::kernel_cpu) {
    Slice slice{.from_ns = 1, .to_ns = 2};
    slice.samples.push_back(
        {sampler, Reason::running, thread_, window_.tables().stack(stack, std::move(found)), 10, 3});
    window_.append(std::move(slice));
    return stack_quality(window_.query());
  }
  Window window_;
  ThreadId thread_ = 0;
};

TEST_F(Quality, TellsWholeCutAndOpenStacksApart) {
  of({0, 0, 2}, {kRule, kRegisters, kUntold});
  of({3, 0, 0}, {kUntold, kRule, kRegisters});
  of({0, 0}, {kPointer, kRegisters});
  const auto all = of({0, 1, 1}, {kRule, kPointer, kRegisters});
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].stacks, 12u);
  EXPECT_EQ(all[0].whole, 6u);
  EXPECT_EQ(all[0].cut, 3u);
  EXPECT_EQ(all[0].open, 3u);
  EXPECT_EQ(all[0].cut_why, (std::map<std::string, std::uint64_t>{{"[truncated]", 3}}));
  EXPECT_EQ(all[0].frames_of(kRule), 9u);
  EXPECT_EQ(all[0].frames_of(kPointer), 6u);
  EXPECT_EQ(all[0].frames_of(kRegisters), 12u);
  EXPECT_EQ(all[0].all_frames(), 27u);
  // The callee is what had no rule.
  EXPECT_EQ(all[0].without_rules, (std::vector<std::pair<std::string, std::uint64_t>>{{"/a.out", 3}, {"[anon]", 3}}));
}

TEST_F(Quality, LeavesOutWhatSaysNothing) {
  of({0, 0}, {});
  of({2}, {kUntold});
  EXPECT_TRUE(of({}, {}).empty());
  const auto all = of({0}, {kRegisters}, Sampler::socket_write);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].sampler, Sampler::socket_write);
}

TEST_F(Quality, FramesFoundInTwoWaysAreTwoStacks) {
  Tables& tables = window_.tables();
  const StackId one = tables.stack({0, 1}, {kRule, kRegisters});
  EXPECT_EQ(tables.stack({0, 1}, {kRule, kRegisters}), one);
  EXPECT_NE(tables.stack({0, 1}, {kPointer, kRegisters}), one);
  EXPECT_NE(tables.stack({0, 1}), one);
  EXPECT_EQ(tables.stack({0, 1}), tables.stack({0, 1}, {kUntold, kUntold}));
}

}  // namespace
}  // namespace fanlight::profile
