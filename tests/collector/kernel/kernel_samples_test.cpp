// Samples stand for what happened where it happened.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/collector/kernel/recorded.hpp"

namespace fanlight::kernel {
namespace {

/// Address ranges of the functions of a program, relative to where its file is mapped; read off `nm`.
std::pair<std::uint64_t, std::uint64_t> range_of(const std::string& program, const std::string& function) {
  std::FILE* symbols = ::popen(("nm -S " + program).c_str(), "r");
  char line[512];
  std::pair<std::uint64_t, std::uint64_t> range{0, 0};
  while (symbols != nullptr && std::fgets(line, sizeof line, symbols) != nullptr) {
    unsigned long start = 0, size = 0;
    char kind = 0, name[400] = {};
    if (std::sscanf(line, "%lx %lx %c %399s", &start, &size, &kind, name) != 4) continue;
    if (std::string(name).find(function) != std::string::npos) range = {start, start + size};
  }
  if (symbols != nullptr) ::pclose(symbols);
  return range;
}

/// Where the program's file begins in memory. Not the first mapping: sanitizers put theirs below.
std::uint64_t base_of(pid_t pid, const std::string& program) {
  std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
  for (std::string line; std::getline(maps, line);)
    if (line.ends_with(program)) return std::stoull(line, nullptr, 16);
  ADD_FAILURE() << program << " is not mapped";
  return 0;
}

double weight_in(const std::vector<RawSample>& samples, Sampler sampler, std::uint64_t base,
                 std::pair<std::uint64_t, std::uint64_t> range) {
  double weight = 0;
  for (const RawSample& sample : samples) {
    if (sample.sampler != sampler) continue;
    for (const std::uint64_t address : sample.user_stack) {
      if (address - base < range.first || address - base >= range.second) continue;
      weight += static_cast<double>(sample.weight);
      break;
    }
  }
  return weight;
}

TEST(Samples, ShowASeventyThirtySplit) {
  testing::Child program({TRUTH_SPLIT, "6"});
  ASSERT_FALSE(program.await("ready").empty());
  const std::uint64_t base = base_of(program.pid(), TRUTH_SPLIT);
  // Often, so that chance alone stays below a point even where other programs take half the CPU.
  const Recorded recorded = record(program, {.sample_hz = 1999});
  const auto hot_range = range_of(TRUTH_SPLIT, "hot_seventy");
  const auto warm_range = range_of(TRUTH_SPLIT, "warm_thirty");
  ASSERT_GT(hot_range.second, hot_range.first);
  const double hot = weight_in(recorded.samples, Sampler::kernel_cpu, base, hot_range);
  const double warm = weight_in(recorded.samples, Sampler::kernel_cpu, base, warm_range);
  ASSERT_GT(hot + warm, 0);
  EXPECT_NEAR(hot / (hot + warm), number_in(program.out(), "hot_share"), 0.03);
  // And nearly all samples are in one of the two.
  double all = 0;
  for (const RawSample& sample : recorded.samples)
    if (sample.sampler == Sampler::kernel_cpu) all += static_cast<double>(sample.weight);
  EXPECT_GT((hot + warm) / all, 0.9);
}

TEST(Samples, OfSocketWritesReachTheCallerThroughLibc) {
  testing::Child program({TRUTH_SOCK_WRITES});
  ASSERT_FALSE(program.await("ready").empty());
  const std::uint64_t base = base_of(program.pid(), TRUTH_SOCK_WRITES);
  const Recorded recorded = record(program);
  std::size_t samples = 0, reach_main = 0;
  for (const RawSample& sample : recorded.samples) {
    if (sample.sampler != Sampler::socket_write) continue;
    ++samples;
    for (const std::uint64_t address : sample.user_stack)
      if (address > base && address < base + (1 << 20)) {
        ++reach_main;
        break;
      }
  }
  ASSERT_GT(samples, 10u);
  EXPECT_GE(static_cast<double>(reach_main), 0.99 * static_cast<double>(samples));
}

TEST(Samples, OfBlockedThreadsWeighWhatTheyWaited) {
  testing::Child program({TRUTH_STATES});
  const Recorded recorded = record(program, {.visit_every = std::chrono::milliseconds(5)});
  std::map<Reason, double> sampled, exact;
  for (const RawSample& sample : recorded.samples) {
    if (sample.sampler != Sampler::kernel_blocked) continue;
    EXPECT_NE(sample.reason, Reason::running);
    EXPECT_FALSE(sample.user_stack.empty());
    // A thread that has never run yet waits in no function of the kernel.
    if (state_of(sample.reason) == State::blocked) {
      EXPECT_FALSE(sample.kernel_stack.empty());
    }
    sampled[sample.reason] += static_cast<double>(sample.weight);
  }
  for (const ThreadReading& thread : recorded.threads)
    for (std::size_t i = 1; i < kReasons; ++i) exact[static_cast<Reason>(i)] += static_cast<double>(thread.ns[i]);
  // Visits are some 5 ms apart, the waits hundreds.
  for (const Reason reason : {Reason::futex, Reason::poll, Reason::sleep, Reason::socket_receive, Reason::pipe}) {
    SCOPED_TRACE(name_of(reason));
    EXPECT_NEAR(sampled[reason], exact[reason], 0.15 * exact[reason]);
  }
}

}  // namespace
}  // namespace fanlight::kernel
