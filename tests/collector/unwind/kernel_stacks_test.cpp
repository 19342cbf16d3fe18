// What the kernel programs see of a program without frame pointers: whole stacks.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "tests/collector/kernel/recorded.hpp"

namespace fanlight::kernel {
namespace {

struct Ends {
  std::uint64_t samples = 0;
  std::map<StackEnd, std::uint64_t> ends;
  std::uint64_t whole() const {
    const auto entry = ends.find(StackEnd::entry);
    return entry == ends.end() ? 0 : entry->second;
  }
  double share() const { return samples > 0 ? static_cast<double>(whole()) / static_cast<double>(samples) : 0; }
  std::string words() const {
    std::string text = std::to_string(samples) + " samples:";
    for (const auto& [end, count] : ends) text += " " + std::string(name_of(end)) + " " + std::to_string(count) + ";";
    return text;
  }
};

Ends ends_of(const Recorded& recorded, Sampler sampler) {
  Ends ends;
  for (const RawSample& sample : recorded.samples) {
    if (sample.sampler != sampler || sample.end == StackEnd::no_stack) continue;
    ++ends.samples;
    ++ends.ends[sample.end];
  }
  return ends;
}

TEST(WholeStacks, OfThreadsThatRunAndThatWait) {
  testing::Child program({UNWIND_TARGET, "4"});
  const Recorded recorded = record(program, {.sample_hz = 499});
  for (const Sampler sampler : {Sampler::kernel_cpu, Sampler::kernel_blocked}) {
    const Ends ends = ends_of(recorded, sampler);
    SCOPED_TRACE(ends.words());
    EXPECT_GT(ends.samples, 200u);
    EXPECT_GE(ends.share(), 0.99);
  }
  // Through libc, so by rules, and to some depth.
  std::uint64_t by_rule = 0, frames = 0, samples = 0;
  for (const RawSample& sample : recorded.samples) {
    ++samples;
    ASSERT_EQ(sample.user_found.size(), sample.user_stack.size());
    frames += sample.user_found.size();
    by_rule += static_cast<std::uint64_t>(std::ranges::count(sample.user_found, FrameFound::eh_frame));
  }
  EXPECT_GT(by_rule, frames / 2);
  EXPECT_GT(frames, 4 * samples);
}

TEST(WholeStacks, OfThreadsThatLeaveTheirCpu) {
  testing::Child program({UNWIND_TARGET, "4"});
  const Recorded recorded = record(program, {.sample_hz = 499, .waits_per_second = 100});
  const Ends ends = ends_of(recorded, Sampler::kernel_blocked);
  SCOPED_TRACE(ends.words());
  EXPECT_GT(ends.samples, 200u);
  EXPECT_GE(ends.share(), 0.99);
  std::uint64_t through_schedule = 0;
  for (const RawSample& sample : recorded.samples)
    if (sample.sampler == Sampler::kernel_blocked && sample.end == StackEnd::entry)
      through_schedule += !sample.kernel_stack.empty();
  EXPECT_GE(static_cast<double>(through_schedule), 0.99 * static_cast<double>(ends.whole()));
}

TEST(WholeStacks, OfALibraryThatWasLoadedLater) {
  testing::Child program({UNWIND_TARGET, "4", UNWIND_LATE});
  EXPECT_FALSE(program.await("ready").empty());
  auto probes = Probes::attach({.pid = program.pid(), .sample_hz = 499});
  ASSERT_TRUE(probes) << probes.error().what;
  std::uint64_t start = 0, end = 0;
  Recorded late;
  const auto keep = [&](RawSample&& sample) {
    if (sample.sampler == Sampler::kernel_cpu && sample.tid == program.pid()) late.samples.push_back(std::move(sample));
  };
  program.send("go");
  while (program.running()) {
    ASSERT_TRUE(probes->poll(std::chrono::milliseconds(50), keep));
    std::ifstream maps("/proc/" + std::to_string(program.pid()) + "/maps");
    for (std::string line; start == 0 && std::getline(maps, line);) {
      if (!line.ends_with(UNWIND_LATE) || line.find("r-xp") == std::string::npos) continue;
      start = std::stoull(line, nullptr, 16);
      end = std::stoull(line.substr(line.find('-') + 1), nullptr, 16);
    }
  }
  ASSERT_NE(start, 0u);
  // From a second after it was first seen there, every stack in it must be whole.
  std::uint64_t first_ns = 0, samples = 0, whole = 0;
  for (const RawSample& sample : late.samples) {
    const bool inside = std::ranges::any_of(sample.user_stack, [&](auto at) { return at >= start && at < end; });
    if (!inside) continue;
    if (first_ns == 0) first_ns = sample.time_ns;
    if (sample.time_ns < first_ns + 1'000'000'000) continue;
    ++samples;
    whole += sample.end == StackEnd::entry;
  }
  EXPECT_GT(samples, 20u);
  EXPECT_EQ(whole, samples);
}

TEST(WholeStacks, OfFiveHundredFramesAndNoMore) {
  testing::Child program({UNWIND_TARGET, "3", "deep"});
  const Recorded recorded = record(program, {.sample_hz = 499});
  std::uint64_t deep_cpu = 0, deep_blocked = 0, cut = 0, frames = 0;
  for (const RawSample& sample : recorded.samples) {
    if (sample.end == StackEnd::room) {
      EXPECT_EQ(sample.user_stack.size(), 512u);
      EXPECT_TRUE(sample.truncated);
      ++cut;
    } else if (sample.user_stack.size() > 450) {
      EXPECT_EQ(sample.end, StackEnd::entry);
      ++(sample.sampler == Sampler::kernel_cpu ? deep_cpu : deep_blocked);
      if (sample.sampler == Sampler::kernel_cpu) frames += sample.user_stack.size();
    }
  }
  EXPECT_GT(deep_cpu, 300u);
  EXPECT_GT(deep_blocked, 20u);
  EXPECT_GT(cut, 20u);
  for (const ProgramCost& cost : recorded.last.programs)
    if (cost.name == "fl_cpu" && frames > 0)
      std::printf("fl_cpu: %.0f ns per frame\n", static_cast<double>(cost.run_ns) / static_cast<double>(frames));
}

// A mapping may go while a stack in it is being walked: counted at worst, and the ledger closes.
TEST(WholeStacks, SurviveLibrariesThatComeAndGo) {
  testing::Child program({UNWIND_TARGET, "3", "unmap", UNWIND_LATE});
  const Recorded recorded = record(program, {.sample_hz = 999});
  const Ends ends = ends_of(recorded, Sampler::kernel_cpu);
  EXPECT_GT(ends.samples, 500u) << ends.words();
  for (const RawSample& sample : recorded.samples) EXPECT_LE(sample.user_stack.size(), 512u);
}

// What a kernel gets that refuses the programs which unwind: stacks by frame pointers, and a word about it.
TEST(WholeStacks, AreNotClaimedWithoutTables) {
  testing::Child program({UNWIND_TARGET, "2"});
  EXPECT_FALSE(program.await("ready").empty());
  auto probes = Probes::attach({.pid = program.pid(), .sample_hz = 499, .unwind = false});
  ASSERT_TRUE(probes) << probes.error().what;
  EXPECT_EQ(probes->forms().back().probe, "user stacks");
  EXPECT_EQ(probes->forms().back().form, "frame pointers");
  EXPECT_EQ(probes->forms().back().why, "switched off");
  Recorded recorded;
  program.send("go");
  while (program.running())
    ASSERT_TRUE(probes->poll(std::chrono::milliseconds(50),
                             [&](RawSample&& sample) { recorded.samples.push_back(std::move(sample)); }));
  const Ends ends = ends_of(recorded, Sampler::kernel_cpu);
  SCOPED_TRACE(ends.words());
  EXPECT_GT(ends.samples, 100u);
  EXPECT_EQ(ends.whole(), 0u);
}

}  // namespace
}  // namespace fanlight::kernel
