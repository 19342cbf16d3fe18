// Samples stand for what happened where it happened.
#include <gtest/gtest.h>

#include <cmath>
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

/// Both ways to sample waits: by visits, and as they begin.
class BlockedSamples : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Both, BlockedSamples, ::testing::Bool(),
                         [](const auto& each) { return each.param ? "AsTheyBegin" : "ByVisits"; });

TEST_P(BlockedSamples, WeighWhatTheyWaited) {
  testing::Child program({TRUTH_STATES});
  const Recorded recorded =
      record(program, {.visit_every = std::chrono::milliseconds(5), .waits_per_second = GetParam() ? 1000000u : 0u});
  std::map<Reason, double> sampled, exact;
  for (const RawSample& sample : recorded.samples) {
    if (sample.sampler != Sampler::kernel_blocked) continue;
    EXPECT_NE(sample.reason, Reason::running);
    sampled[sample.reason] += static_cast<double>(sample.weight);
    if (sample.woke) continue;
    EXPECT_FALSE(sample.user_stack.empty());
    // A thread that has never run yet waits in no function of the kernel.
    if (state_of(sample.reason) == State::blocked) {
      EXPECT_FALSE(sample.kernel_stack.empty());
    }
  }
  for (const ThreadReading& thread : recorded.threads)
    for (std::size_t i = 1; i < kReasons; ++i) exact[static_cast<Reason>(i)] += static_cast<double>(thread.ns[i]);
  // Visits are some 5 ms apart, the waits hundreds.
  for (const Reason reason : {Reason::futex, Reason::poll, Reason::sleep, Reason::socket_receive, Reason::pipe}) {
    SCOPED_TRACE(name_of(reason));
    EXPECT_NEAR(sampled[reason], exact[reason], 0.15 * exact[reason]);
  }
}

double runnable_ns(const ThreadReading& thread) {
  double sum = 0;
  for (std::size_t i = 0; i < kReasons; ++i)
    if (state_of(static_cast<Reason>(i)) == State::runnable) sum += static_cast<double>(thread.ns[i]);
  return sum;
}

/// Visits find many short waits and few long ones in proportion to their time: over several runs the error of the
/// shares stays within what so many independent looks allow.
TEST(Samples, OfBlockedThreadsFavourNoLengthOfWait) {
  double looks = 0, error = 0, variance = 0;
  for (int run = 0; run < 4; ++run) {
    testing::Child program({TRUTH_MIXTURE, "mix", "1.2"});
    const Recorded recorded = record(program, {.visit_every = std::chrono::milliseconds(4)});
    ASSERT_EQ(program.wait(), 0) << program.err();
    const auto& thread = recorded.threads.at(0);
    const auto exact_long = static_cast<double>(thread.ns[FANLIGHT_BLOCKED_SLEEP]);
    const auto exact_short = static_cast<double>(thread.ns[FANLIGHT_BLOCKED_FUTEX]);
    // The program's own clock runs on until it is back on a CPU.
    EXPECT_LE(exact_long, number_in(program.out(), "long_ns"));
    EXPECT_LE(exact_short, number_in(program.out(), "short_ns"));
    EXPECT_GE(exact_long + exact_short + 1.05 * static_cast<double>(thread.ns[FANLIGHT_RUNNING]) + runnable_ns(thread),
              0.995 * (number_in(program.out(), "long_ns") + number_in(program.out(), "short_ns")));
    double short_looks = 0, long_looks = 0;
    for (const RawSample& sample : recorded.samples) {
      if (sample.sampler != Sampler::kernel_blocked) continue;
      long_looks += sample.reason == Reason::sleep;
      short_looks += sample.reason == Reason::futex;
    }
    const double n = short_looks + long_looks;
    ASSERT_GT(n, 50);
    const double share = exact_long / (exact_long + exact_short);
    error += long_looks - share * n;
    variance += n * share * (1 - share);
    looks += n;
  }
  // Four standard deviations: once in 16,000 runs by chance.
  EXPECT_LE(std::abs(error), 4 * std::sqrt(variance)) << error << " of " << looks;
}

/// The same of stacks that are taken as waits begin. Every wait of this program is taken, so the shares are exact, but
/// for the waits that were under way when we came and when we left.
TEST(Samples, OfWaitsThatBeginAreExactWhereAllAreTaken) {
  testing::Child program({TRUTH_MIXTURE, "mix", "1.2"});
  const Recorded recorded = record(program, {.waits_per_second = 1000000});
  ASSERT_EQ(program.wait(), 0) << program.err();
  const auto& thread = recorded.threads.at(0);
  double short_ns = 0, long_ns = 0;
  for (const RawSample& sample : recorded.samples) {
    if (sample.sampler != Sampler::kernel_blocked) continue;
    if (sample.reason == Reason::sleep) long_ns += static_cast<double>(sample.weight);
    if (sample.reason == Reason::futex) short_ns += static_cast<double>(sample.weight);
  }
  const auto exact_long = static_cast<double>(thread.ns[FANLIGHT_BLOCKED_SLEEP]);
  const auto exact_short = static_cast<double>(thread.ns[FANLIGHT_BLOCKED_FUTEX]);
  EXPECT_NEAR(long_ns, exact_long, 0.1 * exact_long);
  EXPECT_NEAR(short_ns, exact_short, 0.15 * exact_short);
}

}  // namespace
}  // namespace fanlight::kernel
