// Stacks that were taken of real programs and kept: by several compilers, with and without frame pointers, of x86-64
// and arm64. Walked here as a collector would, beside elfutils. golden/capture makes them.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "core/sample.hpp"
#include "tests/collector/unwind/golden/replay.hpp"

namespace fanlight::unwind::testing {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> all_files() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(fs::path(FANLIGHT_SOURCE_DIR) / "tests/golden/stacks"))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::optional<GoldenStack> stack_of(const fs::path& path) {
  std::ifstream file(path);
  return golden_from({std::istreambuf_iterator<char>(file), {}});
}

/// Does the outermost frame's function say that nobody called it? By the bytes of its rule, which no reader of ours
/// made: DW_CFA_undefined of the return address. Source: DWARF 5, 6.4.2.2 and 7.24.
bool has_no_caller(const GoldenStack& stack) {
  const std::string undefined = stack.machine == "aarch64" ? "\x07\x1e" : "\x07\x10";
  for (const GoldenModule& module : stack.modules) {
    const std::uint64_t at = stack.frames.back().address - 1;
    if (at < module.start || at >= module.end) continue;
    for (const GoldenFde& fde : module.fdes)
      if (at - module.bias - fde.start < fde.length)
        return (module.cies[fde.cie].instructions + fde.instructions).find(undefined) != std::string::npos;
  }
  return false;
}

std::vector<std::uint64_t> addresses(const GoldenStack& stack) {
  std::vector<std::uint64_t> all;
  for (const GoldenFrame& frame : stack.frames) all.push_back(frame.address);
  return all;
}

TEST(GoldenStacks, AreWalkedAsTheyWereRecorded) {
  for (const fs::path& path : all_files()) {
    SCOPED_TRACE(path.filename());
    const auto stack = stack_of(path);
    ASSERT_TRUE(stack);
    const Walked walked = walk_golden(*stack);
    EXPECT_EQ(name_of(static_cast<StackEnd>(walked.stop)), stack->stop);
    ASSERT_EQ(walked.frames.size(), stack->frames.size());
    for (std::size_t i = 0; i < walked.frames.size(); ++i) {
      EXPECT_EQ(walked.frames[i].address, stack->frames[i].address) << i << ": " << stack->frames[i].place;
      EXPECT_EQ(name_of(static_cast<FrameFound>(walked.frames[i].found)), stack->frames[i].found) << i;
    }
  }
}

TEST(GoldenStacks, AgreeWithElfutilsFrameByFrame) {
  std::size_t beyond = 0;
  for (const fs::path& path : all_files()) {
    SCOPED_TRACE(path.filename());
    const auto stack = stack_of(path);
    ASSERT_TRUE(stack);
    const auto reference = reference_golden(*stack);
    const auto golden = addresses(*stack);
    if (reference == golden) continue;
    // Where elfutils itself ends earlier, what it has must be the same.
    ASSERT_GE(reference.size(), 2u);
    ASSERT_LT(reference.size(), golden.size());
    EXPECT_TRUE(std::equal(reference.begin(), reference.end(), golden.begin()));
    ++beyond;
  }
  EXPECT_LE(beyond, 3u);
}

TEST(GoldenStacks, ReachTheEntryOfTheirThreads) {
  for (const fs::path& path : all_files()) {
    SCOPED_TRACE(path.filename());
    const auto stack = stack_of(path);
    ASSERT_TRUE(stack);
    EXPECT_EQ(stack->stop, name_of(StackEnd::entry));
    EXPECT_TRUE(has_no_caller(*stack)) << stack->frames.back().place;
  }
}

// A list that lost a program would pass the others.
TEST(GoldenStacks, CoverWhatTheyAreMeantTo) {
  std::set<std::string> builds, scenarios;
  std::size_t deepest = 0;
  for (const fs::path& path : all_files()) {
    const std::string name = path.filename();
    builds.insert(name.substr(0, name.find('.')));
    const std::size_t from = name.find('.') + 1;
    scenarios.insert(name.substr(from, name.rfind('.') - from));
    if (const auto stack = stack_of(path)) deepest = std::max(deepest, stack->frames.size());
  }
  for (const char* build : {"gcc", "gcc-fp", "gcc-lto", "gcc-static-pie", "gcc-stripped", "clang", "clang-fp", "arm64"})
    EXPECT_TRUE(builds.contains(build)) << build;
  for (const char* scenario : {"nanosleep", "std-condition_variable", "std-sort-of-a-lambda", "recursion",
                               "a-signal-handler", "alloca", "linkage-table-jump", "linkage-table-push",
                               "an-exception-in-flight", "a-coroutine", "a-thread-s-exit", "main-thread"})
    EXPECT_TRUE(scenarios.contains(scenario)) << scenario;
  EXPECT_GT(deepest, 400u);
}

}  // namespace
}  // namespace fanlight::unwind::testing
