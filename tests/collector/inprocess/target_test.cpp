// The writer and the reader together: this program is the target and reads itself.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <latch>
#include <map>
#include <optional>
#include <string>
#include <thread>

#include "collector/inprocess/inprocess.hpp"
#include "collector/inprocess/reader.hpp"

// Each function in a section of its own, so that the linker tells where it begins and ends.
#define IN_SECTION(name) [[gnu::noinline, gnu::noclone, gnu::section(#name)]]
extern "C" {
extern const char __start_spin_more[], __stop_spin_more[];
extern const char __start_spin_less[], __stop_spin_less[];
extern const char __start_spin_both[], __stop_spin_both[];
}

namespace fanlight::inprocess {
namespace {

constexpr unsigned kThreads = 3;

inprocess::Counter g_too_early("too_early");

class Start : public testing::Environment {
 public:
  void SetUp() override {
    ASSERT_EQ(start({.hz = 20'000}), EINVAL);
    ASSERT_EQ(start({.max_threads = 0}), EINVAL);
    ASSERT_EQ(start({.ring_records = 100}), EINVAL);
    ASSERT_EQ(start({.hz = 250, .max_threads = kThreads, .ring_records = 1024}), 0);
    ASSERT_EQ(start(), EALREADY);
  }
};
const auto* const g_start = testing::AddGlobalTestEnvironment(new Start);

volatile std::uint64_t g_sink;

std::uint64_t thread_cpu_ns() {
  timespec now;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

// GCC gives a leaf function no frame, whatever the options say, unless it touches its stack.
IN_SECTION(spin_more) void spin_more(std::uint64_t rounds) {
  volatile std::uint64_t on_stack = 0;
  for (std::uint64_t i = 0; i < rounds; ++i) on_stack = on_stack + i;
}
IN_SECTION(spin_less) void spin_less(std::uint64_t rounds) {
  volatile std::uint64_t on_stack = 0;
  for (std::uint64_t i = 0; i < rounds; ++i) on_stack = on_stack + i;
}

/// Runs both until `until_ns` of this thread's CPU time; returns the share of `spin_more` by the thread's own clock.
/// The shares are of time, not of rounds: equal loops run at different speeds where they lie differently.
IN_SECTION(spin_both) double spin_both(std::uint64_t until_ns) {
  const std::uint64_t begin = thread_cpu_ns();
  std::uint64_t in_more = 0, in_less = 0;
  for (std::uint64_t now = begin, block = now; now - begin < until_ns; block = now) {
    for (; now - block < 70'000'000; now = thread_cpu_ns()) spin_more(1'000'000);
    in_more += now - block;
    block = now;
    for (; now - block < 30'000'000; now = thread_cpu_ns()) spin_less(1'000'000);
    in_less += now - block;
  }
  return static_cast<double>(in_more) / static_cast<double>(in_more + in_less);
}

bool inside(std::uint64_t address, const char* begin, const char* end) {
  return address >= reinterpret_cast<std::uint64_t>(begin) && address < reinterpret_cast<std::uint64_t>(end);
}

TEST(Target, SharesOfTwoFunctionsAreSeenFromOutside) {
  auto reader = Reader::open(::getpid());
  ASSERT_TRUE(reader) << reader.error().what;
  EXPECT_EQ(reader->sample_hz(), 250u);
  double truth = 0;
  std::uint64_t cpu_ns = 0;
  pid_t tid = 0;
  errno = 0;
  std::thread([&] {
    // As servers do before they start their workers.
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
    const ThreadScope scope("a name longer than fifteen bytes");
    EXPECT_TRUE(scope.sampling());
    const ThreadScope again("spinner");
    EXPECT_FALSE(again.sampling());
    char name[16];
    ::pthread_getname_np(::pthread_self(), name, sizeof name);
    EXPECT_STREQ(name, "spinner");
    tid = ::gettid();
    errno = 4242;
    truth = spin_both(2'000'000'000);
    EXPECT_EQ(errno, 4242);
    cpu_ns = thread_cpu_ns();
  }).join();

  std::map<std::string, std::uint64_t> weight;
  std::uint64_t total = 0, with_caller = 0, samples = 0;
  double squares = 0;
  ASSERT_TRUE(reader->drain([&](RawSample&& sample) {
    EXPECT_EQ(sample.tid, tid);
    EXPECT_EQ(sample.sampler, Sampler::inprocess_cpu);
    ++samples;
    total += sample.weight;
    squares += static_cast<double>(sample.weight) * static_cast<double>(sample.weight);
    const std::uint64_t leaf = sample.user_stack[0];
    if (inside(leaf, __start_spin_more, __stop_spin_more)) weight["more"] += sample.weight;
    if (inside(leaf, __start_spin_less, __stop_spin_less)) weight["less"] += sample.weight;
    if (sample.user_stack.size() > 2 && inside(sample.user_stack[1], __start_spin_both, __stop_spin_both))
      with_caller += sample.weight;
  }));
  // On a busy machine one sample stands for several periods, and more is chance: four standard deviations, of as many
  // equal samples as these unequal ones are worth. Source: L. Kish, Survey Sampling (1965), 11.7.
  ASSERT_GE(samples, 20u);
  const double worth = static_cast<double>(total) * static_cast<double>(total) / squares;
  const double chance = std::max(0.05, 4 * std::sqrt(truth * (1 - truth) / worth));
  const auto share = [&](std::uint64_t part) { return static_cast<double>(part) / static_cast<double>(total); };
  EXPECT_NEAR(truth, 0.7, 0.05);
  EXPECT_NEAR(share(weight["more"]), truth, chance) << samples;
  EXPECT_NEAR(share(weight["less"]), 1 - truth, chance) << samples;
  EXPECT_GT(share(with_caller), 1 - chance) << samples;
  EXPECT_NEAR(static_cast<double>(total), static_cast<double>(cpu_ns), 0.1 * static_cast<double>(cpu_ns));
  EXPECT_EQ(reader->ledger().balance(), 0);
  EXPECT_EQ(reader->ledger().dropped_total(), 0u);
}

TEST(Target, SlotsOfThreadsThatEndedAreUsedAgain) {
  auto reader = Reader::open(::getpid());
  ASSERT_TRUE(reader);
  for (int round = 0; round < 20; ++round) {
    std::thread([&] {
      const ThreadScope scope("short");
      EXPECT_TRUE(scope.sampling()) << round;
      // The kernel looks at the timers of whoever runs when the clock ticks. On a busy machine a thread can spend many
      // periods between ticks.
      bool seen = false;
      const std::uint64_t begin = thread_cpu_ns();
      while (!seen && thread_cpu_ns() - begin < 2'000'000'000) {
        const std::uint64_t block = thread_cpu_ns();
        while (thread_cpu_ns() - block < 30'000'000) g_sink = g_sink + 1;
        EXPECT_TRUE(reader->drain([&](RawSample&& sample) { seen |= sample.tid == ::gettid(); }));
      }
      EXPECT_TRUE(seen) << round;
    }).join();
  }
  EXPECT_EQ(reader->ledger().balance(), 0);
  EXPECT_EQ(reader->ledger().missed.count("thread without a ring"), 0u);
}

TEST(Target, ThreadsPastTheLastSlotAreCounted) {
  auto reader = Reader::open(::getpid());
  ASSERT_TRUE(reader);
  std::latch all_in(kThreads + 2);
  std::atomic<unsigned> sampled = 0;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads + 2; ++i)
    threads.emplace_back([&] {
      const ThreadScope scope("many");
      if (scope.sampling()) ++sampled;
      all_in.arrive_and_wait();
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sampled, kThreads);
  ASSERT_TRUE(reader->drain([](RawSample&&) {}));
  EXPECT_EQ(reader->ledger().missed.at("thread without a ring"), 2u);
}

std::optional<MetricReading> find(const Reader& reader, const std::string& name) {
  for (MetricReading& metric : reader.metrics())
    if (metric.name == name) return std::move(metric);
  return std::nullopt;
}

/// Runs `check` in a child process; true when it said so.
template <class Check>
bool in_child(Check check) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(check() ? 0 : 1);
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(Target, MetricsAreSeenByASecondProcess) {
  g_too_early.add(5);  // made before the start: counts nowhere
  Counter counter("delivered_total"), same("delivered_total");
  Gauge gauge("connections"), wrong_kind("delivered_total");
  HistogramMetric histogram("write_latency_ns");
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 10'000; ++n) counter.add();
      same.add(10);
      gauge.add(-3);
      histogram.record(1000);
    });
  for (std::thread& thread : threads) thread.join();
  gauge.add(4);
  wrong_kind.set(99);
  histogram.record(~std::uint64_t{0});
  EXPECT_TRUE(in_child([] {
    const auto reader = Reader::open(::getppid());
    if (!reader) return false;
    const auto delivered = find(*reader, "delivered_total");
    const auto connections = find(*reader, "connections");
    const auto latency = find(*reader, "write_latency_ns");
    return !find(*reader, "too_early") && delivered && delivered->kind == MetricReading::Kind::counter &&
           delivered->value == 80'080 && connections && connections->value == -20 && latency &&
           latency->histogram.count() == 9 && latency->histogram.percentile(0.5) >= 1000 &&
           latency->histogram.percentile(0.5) < 1125;
  }));
  auto reader = Reader::open(::getpid());
  ASSERT_TRUE(reader);
  ASSERT_TRUE(reader->drain([](RawSample&&) {}));
  EXPECT_EQ(reader->ledger().missed.at("metric without a slot"), 2u);  // too early, wrong kind
}

TEST(Target, AForkedChildLeavesTheParentsNumbersAlone) {
  Counter counter("before_fork");
  counter.add(7);
  EXPECT_TRUE(in_child([&] {
    counter.add(1000);
    const ThreadScope scope("child");
    return !scope.sampling() && !Reader::open(::getpid());
  }));
  const auto reader = Reader::open(::getpid());
  ASSERT_TRUE(reader);
  EXPECT_EQ(find(*reader, "before_fork")->value, 7);
}

// Last: it fills every slot that is left.
TEST(Target, ZMetricsPastTheLastSlotAreCountedAndHarmless) {
  for (unsigned i = 0; i < 2 * FANLIGHT_INPROCESS_METRICS; ++i) Counter(("filler_" + std::to_string(i)).c_str()).add(i);
  auto reader = Reader::open(::getpid());
  ASSERT_TRUE(reader);
  const std::vector<MetricReading> metrics = reader->metrics();
  EXPECT_EQ(metrics.size(), std::size_t{FANLIGHT_INPROCESS_METRICS});
  for (const MetricReading& metric : metrics) {
    if (!metric.name.starts_with("filler_")) continue;
    EXPECT_EQ("filler_" + std::to_string(std::lround(metric.value)), metric.name);
  }
  ASSERT_TRUE(reader->drain([](RawSample&&) {}));
  EXPECT_GE(reader->ledger().missed.at("metric without a slot"), FANLIGHT_INPROCESS_METRICS);
}

}  // namespace
}  // namespace fanlight::inprocess
