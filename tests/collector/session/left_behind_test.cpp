#include "collector/session/left_behind.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "collector/profile/view.hpp"
#include "tests/child.hpp"

namespace fanlight::session {
namespace {

using namespace std::chrono_literals;

struct LeftBehind : ::testing::Test {
  std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("fanlight-left-" + std::to_string(::getpid()) + ".out");
  ~LeftBehind() override { std::filesystem::remove(file); }
  std::string environment() const { return "FANLIGHT_OUT=" + file.string(); }
};

std::uint64_t weight_of(const profile::Profile& profile, const std::string& function) {
  const profile::WeightedStacks stacks = profile::view(profile, profile::View::inprocess);
  std::uint64_t weight = 0;
  for (const profile::WeightedStack& stack : stacks.stacks)
    for (const profile::FrameId frame : stack.frames)
      if (stacks.frames[frame].name == function) {
        weight += stack.weight;
        break;
      }
  return weight;
}

TEST_F(LeftBehind, AProgramThatWasKilledLeftItsSamples) {
  testing::Child program({"env", environment(), TRUTH_BIAS});
  ASSERT_FALSE(program.await("ready").empty()) << program.err();
  EXPECT_TRUE(is_left_behind(file));
  program.send("go");
  // Until it has worked for a while, however busy the machine is: what it wrote can be read while it runs.
  std::uint64_t seen = 0;
  const auto end = std::chrono::steady_clock::now() + 60s;
  while (seen < 200'000'000 && program.running() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(200ms);
    const auto window = open_left_behind(file);
    ASSERT_TRUE(window) << window.error().what;
    seen = weight_of(window->query(), "open_work");
  }
  program.signal(SIGKILL);
  program.wait();
  const auto window = open_left_behind(file);
  ASSERT_TRUE(window) << window.error().what;
  const profile::Profile profile = window->query();
  EXPECT_EQ(profile.target.name, "truth_bias");
  EXPECT_GE(weight_of(profile, "open_work"), 200'000'000u);
  ASSERT_FALSE(profile.threads.empty());
  EXPECT_EQ(profile.threads[0].name, "biased");
  for (const LedgerEntry& entry : profile.ledger) EXPECT_EQ(entry.balance(), 0);
}

TEST_F(LeftBehind, AProgramThatKnowsNothingOfUsIsSampledByThePreloadLibrary) {
  testing::Child program({"env", environment(), std::string("LD_PRELOAD=") + PRELOAD, "sh", "-c",
                          "i=0; while [ $i -lt 2000000 ]; do i=$((i+1)); done"});
  EXPECT_EQ(program.wait(), 0) << program.err();
  const auto window = open_left_behind(file);
  ASSERT_TRUE(window) << window.error().what;
  const profile::Profile profile = window->query();
  const profile::WeightedStacks stacks = profile::view(profile, profile::View::on_cpu);
  EXPECT_GT(stacks.total(), 100'000'000u);
  ASSERT_EQ(profile.threads.size(), 1u);
  EXPECT_EQ(profile.threads[0].name, "sh");
}

TEST_F(LeftBehind, OtherFilesAreTold) {
  std::ofstream(file) << "something else";
  EXPECT_FALSE(is_left_behind(file));
  const auto window = open_left_behind(file);
  ASSERT_FALSE(window);
  EXPECT_FALSE(is_left_behind("/nowhere"));
  EXPECT_FALSE(open_left_behind("/nowhere"));
}

}  // namespace
}  // namespace fanlight::session
