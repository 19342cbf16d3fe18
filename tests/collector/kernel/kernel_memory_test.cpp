// Page faults, signals and waits for a disk, beside what a program knows of its own.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "bpf/events.h"
#include "tests/collector/kernel/recorded.hpp"

namespace fanlight::kernel {
namespace {

std::string file_on_disk() { return (std::filesystem::path(FANLIGHT_BINARY_DIR) / "kernel_memory_test.io").string(); }

double counter(const Reading& reading, const std::string& name) {
  for (const MetricReading& metric : reading.metrics)
    if (metric.name == name) return metric.value;
  return 0;
}

TEST(Memory, FaultsAreSampledWhereTheyHappen) {
  testing::Child program({TRUTH_MEMORY, file_on_disk()});
  const Recorded recorded = record(program);
  ASSERT_EQ(program.wait(), 0) << program.err();
  std::uint64_t faults = 0, with_stack = 0, samples = 0;
  for (const RawSample& sample : recorded.samples) {
    if (sample.sampler != Sampler::page_fault) continue;
    ++samples;
    faults += sample.count;
    with_stack += sample.user_stack.size() > 1 ? 1 : 0;
  }
  const double touched = number_in(program.out(), "touched");
  ASSERT_GT(samples, 10u);
  // Two or three windows of 50 ms out of 2.5 s, each beginning at a random moment: an estimate of the size, no count.
  EXPECT_GT(static_cast<double>(faults), 0.2 * touched);
  EXPECT_LT(static_cast<double>(faults), 5 * touched);
  EXPECT_GT(with_stack, samples * 9 / 10);
  EXPECT_EQ(entry_of(recorded.last, "fault samples").delivered, samples);
}

TEST(Memory, SignalsAreCountedByWhoSentThem) {
  testing::Child program({TRUTH_MEMORY, file_on_disk()});
  ASSERT_FALSE(program.await("ready").empty()) << program.err();
  auto probes = Probes::attach({.pid = program.pid()});
  ASSERT_TRUE(probes) << probes.error().what;
  program.send("go");
  constexpr int kOurs = 5;
  int sent = 0;
  Reading last;
  while (program.running()) {
    ASSERT_TRUE(probes->poll(std::chrono::milliseconds(100), [](RawSample&&) {}));
    // One after the other: a signal that is pending already is not sent again.
    if (sent < kOurs && program.running()) {
      program.signal(SIGURG);
      ++sent;
    }
    auto reading = probes->read();
    ASSERT_TRUE(reading) << reading.error().what;
    last = std::move(*reading);
  }
  auto reading = probes->read();
  ASSERT_TRUE(reading) << reading.error().what;
  last = std::move(*reading);
  const std::string truth = program.out();
  EXPECT_EQ(counter(last, "kernel_signal_SIGUSR2_from_itself"), number_in(truth, "raised"));
  EXPECT_EQ(counter(last, "kernel_signal_SIGUSR2_delivered"), number_in(truth, "raised"));
  EXPECT_EQ(counter(last, "kernel_signal_SIGALRM_from_kernel"), number_in(truth, "ticks"));
  EXPECT_EQ(counter(last, "kernel_signal_SIGALRM_delivered"), number_in(truth, "ticks"));
  std::string from_us;
  for (const MetricReading& metric : last.metrics) {
    if (!metric.name.starts_with("kernel_signal_SIGURG_from_")) continue;
    from_us = metric.name;
    EXPECT_EQ(metric.value, kOurs);
  }
  EXPECT_NE(from_us.find("(" + std::to_string(::getpid()) + ")"), std::string::npos) << from_us;
}

/// What the kernel holds for the maps that this process has open, by their names.
std::map<std::string, std::uint64_t> map_memory() {
  std::map<std::string, std::uint64_t> bytes;
  std::set<std::uint64_t> seen;
  for (const auto& file : std::filesystem::directory_iterator("/proc/self/fdinfo")) {
    std::ifstream lines(file.path());
    std::map<std::string, std::uint64_t> numbers;
    std::string key;
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::uint64_t number = 0;
      if (words >> key >> number) numbers[key] = number;
    }
    if (!numbers.contains("map_id:") || !seen.insert(numbers["map_id:"]).second) continue;
    bytes["map " + std::to_string(numbers["map_id:"]) + " of type " + std::to_string(numbers["map_type:"])] =
        numbers["memlock:"];
  }
  return bytes;
}

TEST(Memory, TheKernelHoldsLessThanTenMegabytesForAHundredThreads) {
  testing::Child program({TRUTH_MEMORY, file_on_disk()});
  ASSERT_FALSE(program.await("ready").empty()) << program.err();
  auto probes = Probes::attach({.pid = program.pid()});
  ASSERT_TRUE(probes) << probes.error().what;
  std::uint64_t sum = 0;
  std::string list;
  for (const auto& [name, bytes] : map_memory()) {
    sum += bytes;
    if (bytes > 100'000) list += name + ": " + std::to_string(bytes) + "\n";
  }
  // A thread's record hangs on its task: with what the kernel puts around it, and what else it keeps there.
  constexpr std::uint64_t kAround = 512;
  const std::uint64_t per_thread = FANLIGHT_THREAD_HEAD + 4 * FANLIGHT_HISTOGRAM_BUCKETS + kAround;
  EXPECT_LE(sum + 100 * per_thread, 10'000'000u) << list;
  RecordProperty("map_bytes", std::to_string(sum));
  std::printf("%llu bytes of maps, %llu for each thread\n", static_cast<unsigned long long>(sum),
              static_cast<unsigned long long>(per_thread));
}

TEST(Memory, WaitsForADiskAreBookedAsSuchWithTheirStacks) {
  testing::Child program({TRUTH_MEMORY, file_on_disk()});
  const Recorded recorded = record(program, {.visit_every = std::chrono::milliseconds(5)});
  ASSERT_EQ(program.wait(), 0) << program.err();
  const double synced = number_in(program.out(), "synced_ns");
  for (const ThreadReading& thread : recorded.threads) {
    if (thread.name != "syncer") continue;
    const auto of = [&](Reason reason) { return static_cast<double>(thread.ns[static_cast<std::size_t>(reason)]); };
    // The calls also run, and queue for a CPU. What they wait for is the disk, or others who write their journal.
    EXPECT_GT(of(Reason::disk), 0.5 * synced) << "other: " << of(Reason::other);
    EXPECT_LE(of(Reason::disk), synced * 1.01);
    std::uint64_t stacks = 0;
    for (const RawSample& sample : recorded.samples)
      if (sample.tid == thread.tid && sample.reason == Reason::disk)
        stacks += !sample.kernel_stack.empty() && sample.user_stack.size() > 1 ? 1 : 0;
    EXPECT_GT(stacks, 10u);
    return;
  }
  FAIL() << "no thread called syncer";
}

}  // namespace
}  // namespace fanlight::kernel
