// Time adds up, and goes where the program's own clocks say it went.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <set>
#include <sstream>
#include <thread>

#include "tests/collector/kernel/recorded.hpp"

namespace fanlight::kernel {
namespace {

double runnable(const ThreadReading& thread) {
  return static_cast<double>(thread.ns[FANLIGHT_RUNNABLE_WAKING] + thread.ns[FANLIGHT_RUNNABLE_QUEUED] +
                             thread.ns[FANLIGHT_RUNNABLE_PREEMPTED]);
}

/// Time that CPUs spent on interrupts and that the host took from them, in ns since boot. The kernel leaves it out of a
/// thread's CPU time; the thread is on its CPU all the same. Source: proc_stat(5), fields irq, softirq and steal.
double taken_from_threads_ns() {
  std::ifstream file("/proc/stat");
  std::string word;
  std::array<double, 8> ticks{};
  file >> word;
  for (double& field : ticks) file >> field;
  return (ticks[5] + ticks[6] + ticks[7]) * 1e9 / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

TEST(Totals, AgreeWithTheProgramsOwnClocks) {
  testing::Child program({TRUTH_STATES});
  const double taken_before = taken_from_threads_ns();
  const Recorded recorded = record(program);
  const double taken = taken_from_threads_ns() - taken_before;
  SCOPED_TRACE(missed(recorded.last));
  ASSERT_EQ(program.wait(), 0) << program.err();
  const std::map<std::string, Reason> reasons{{"sleep", Reason::sleep},
                                              {"futex", Reason::futex},
                                              {"poll", Reason::poll},
                                              {"ping", Reason::pipe},
                                              {"receive", Reason::socket_receive},
                                              {"sender", Reason::sleep},
                                              {"full", Reason::socket_send},
                                              {"stopped", Reason::sleep},
                                              {"spin", Reason::running},
                                              {"rival-1", Reason::running},
                                              {"rival-2", Reason::running}};

  std::istringstream lines(program.out());
  std::set<std::string> seen;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("{")) continue;
    SCOPED_TRACE(line);
    const auto tid = static_cast<pid_t>(number_in(line, "tid"));
    const ThreadReading* found = nullptr;
    for (const ThreadReading& thread : recorded.threads)
      if (thread.tid == tid) found = &thread;
    ASSERT_NE(found, nullptr);
    seen.insert(found->name);
    // The thread looks at its clock a little after its birth and a little before its death; a busy machine may let it
    // wait for a CPU in between.
    const double wall = number_in(line, "wall_ns");
    const auto measured = static_cast<double>(found->to_ns - found->from_ns);
    EXPECT_GE(measured, wall);
    EXPECT_LE(measured, wall * 1.005 + runnable(*found) + 2'000'000);
    const double cpu = number_in(line, "cpu_ns");
    const auto running = static_cast<double>(found->ns[FANLIGHT_RUNNING]);
    // The kernel's CPU clock starts when the thread is put on an idle CPU, we when it is switched to: threads that wake
    // often come out lower here. Threads that hardly ever wake agree.
    EXPECT_LE(running, cpu * 1.005 + 2'000'000 + taken);
    if (found->switches_voluntary < 10) {
      EXPECT_GE(running, cpu * 0.995 - 1'000'000);
    }

    const auto reason = reasons.find(found->name);
    if (reason == reasons.end()) continue;
    const double part = number_in(line, "part_ns");
    const auto booked = static_cast<double>(found->ns[static_cast<std::size_t>(reason->second)]);
    EXPECT_LE(booked, part * 1.005 + 2'000'000 + (reason->second == Reason::running ? taken : 0));
    EXPECT_GE(booked + runnable(*found), part * 0.995 - static_cast<double>(found->ns[FANLIGHT_RUNNING]));
    // Nearly all of it that is not running or runnable must be for that one reason.
    if (reason->second != Reason::running) {
      EXPECT_GE(booked, 0.97 * (measured - runnable(*found) - static_cast<double>(found->ns[FANLIGHT_RUNNING])));
    }
    if (found->name.starts_with("rival")) {
      EXPECT_GT(found->ns[FANLIGHT_RUNNABLE_PREEMPTED], 0u);
      EXPECT_GT(found->switches_preempted, 0u);
      EXPECT_GT(found->run_queue_ns.count(), 0u);
    }
  }
  EXPECT_EQ(seen.size(), 12u);
}

TEST(Totals, SwitchesAgreeWithTheKernelsOwnCount) {
  testing::Child program({TRUTH_SPLIT, "1"});
  ASSERT_FALSE(program.await("ready").empty());
  auto probes = Probes::attach({.pid = program.pid()});
  ASSERT_TRUE(probes) << probes.error().what;
  const auto switches = [&](const std::string& key) {
    std::ifstream status("/proc/" + std::to_string(program.pid()) + "/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with(key)) return std::stoull(line.substr(key.size()));
    return 0ull;
  };
  const auto voluntary = switches("voluntary_ctxt_switches:");
  const auto preempted = switches("nonvoluntary_ctxt_switches:");
  program.send("go");
  ASSERT_TRUE(probes->poll(std::chrono::milliseconds(500), [](RawSample&&) {}));
  program.signal(SIGSTOP);
  ASSERT_TRUE(probes->poll(std::chrono::milliseconds(50), [](RawSample&&) {}));
  const auto reading = probes->read();
  ASSERT_TRUE(reading);
  ASSERT_EQ(reading->threads.size(), 1u);
  EXPECT_EQ(reading->threads[0].switches_voluntary, switches("voluntary_ctxt_switches:") - voluntary);
  EXPECT_EQ(reading->threads[0].switches_preempted, switches("nonvoluntary_ctxt_switches:") - preempted);
  program.signal(SIGCONT);
}

/// At the highest rate that a program can make, and while each hand-over moves it to another CPU.
TEST(Totals, AddUpAtEveryRateOfSwitches) {
  for (const char* way : {"pinned", "free", "migrate"}) {
    SCOPED_TRACE(way);
    testing::Child program({TRUTH_SWITCHES, "2", way});
    const Recorded recorded = record(program);
    SCOPED_TRACE(missed(recorded.last));
    const auto& misses = entry_of(recorded.last, "scheduler").missed;
    const auto repaired = misses.find("switch not told of, repaired");
    const double untold = repaired == misses.end() ? 0 : static_cast<double>(repaired->second);
    ASSERT_EQ(program.wait(), 0) << program.err();
    std::istringstream lines(program.out());
    unsigned sides = 0;
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("{")) continue;
      SCOPED_TRACE(line);
      ++sides;
      const auto tid = static_cast<pid_t>(number_in(line, "tid"));
      const auto found = std::ranges::find(recorded.threads, tid, &ThreadReading::tid);
      ASSERT_NE(found, recorded.threads.end());
      // Its own clocks, read a little after its birth and a little before its death.
      const double wall = number_in(line, "wall_ns");
      const auto measured = static_cast<double>(found->to_ns - found->from_ns);
      EXPECT_GE(measured, wall);
      EXPECT_LE(measured, wall * 1.005 + runnable(*found) * 0.05);
      // The scheduler's own sum of running and waiting; its parts are divided otherwise. It reads its clock a little
      // before the tracepoints do: at each end of the stretch between a wake-up and the next block that is 100 to 300
      // ns. Where each wake-up goes to an idle CPU its clock is that of the interrupt that ended the idling, or stands
      // still until the CPU is awake: there the two cannot be compared.
      const double ours = static_cast<double>(found->ns[FANLIGHT_RUNNING]) + runnable(*found) -
                          static_cast<double>(found->ns[FANLIGHT_RUNNABLE_WAKING]);
      if (way != std::string_view("migrate")) {
        EXPECT_NEAR(ours, number_in(line, "ran_ns") + number_in(line, "waited_ns"),
                    wall * 0.005 + 500 * static_cast<double>(found->switches_voluntary));
      }
      // It switches a few times more on its way out; and of a switch that the kernel did not tell of nobody knows
      // which kind it was.
      EXPECT_LE(untold, 0.001 * number_in(line, "voluntary"));
      EXPECT_NEAR(static_cast<double>(found->switches_voluntary), number_in(line, "voluntary"), 2 + untold);
      EXPECT_NEAR(static_cast<double>(found->switches_preempted), number_in(line, "preempted"), 4 + untold);
      if (way == std::string_view("migrate")) {
        EXPECT_GT(found->migrations, found->switches_voluntary / 4);
      } else {
        EXPECT_LT(static_cast<double>(found->ns[FANLIGHT_BLOCKED_OTHER]), wall * 0.001) << "it waits on pipes and CPUs";
      }
    }
    EXPECT_EQ(sides, 2u);
  }
}

TEST(Totals, ABlockThatIsLongerThanTheWindowIsAllOfIt) {
  testing::Child program({TRUTH_MIXTURE, "long"});
  ASSERT_FALSE(program.await("ready").empty());
  program.send("go");
  ASSERT_FALSE(program.await("sleeping").empty());
  auto probes = Probes::attach({.pid = program.pid()});
  ASSERT_TRUE(probes) << probes.error().what;
  Recorded recorded;
  ASSERT_TRUE(probes->poll(std::chrono::milliseconds(400),
                           [&](RawSample&& sample) { recorded.samples.push_back(std::move(sample)); }));
  read_once(*probes, recorded);
  ASSERT_EQ(recorded.last.threads.size(), 1u);
  const ThreadReading& sleeps = recorded.last.threads[0];
  EXPECT_GE(sleeps.to_ns - sleeps.from_ns, 400'000'000u);
  // It neither began nor ended here, and is seen from the first to the last nanosecond.
  EXPECT_EQ(sleeps.ns[FANLIGHT_BLOCKED_SLEEP], sleeps.to_ns - sleeps.from_ns);
  std::size_t samples = 0;
  for (const RawSample& sample : recorded.samples) {
    samples += sample.reason == Reason::sleep;
    EXPECT_FALSE(sample.user_stack.empty());
  }
  EXPECT_GT(samples, 5u);
}

TEST(Totals, PagesThatAreReadInAreWaitedForByName) {
  testing::Child program({TRUTH_MIXTURE, "pages"});
  const Recorded recorded = record(program);
  ASSERT_EQ(program.wait(), 0) << program.err();
  const double wall = number_in(program.out(), "wall_ns");
  const auto& reads = recorded.threads.at(0);
  const auto part = [&](unsigned reason) { return static_cast<double>(reads.ns[reason]); };
  const double named =
      part(FANLIGHT_BLOCKED_PAGE_FAULT) + part(FANLIGHT_BLOCKED_DISK) + part(FANLIGHT_BLOCKED_MMAP_LOCK);
  // How long it takes is the disk's affair, and none at all where files lie in memory; but none of it is "other".
  EXPECT_LE(part(FANLIGHT_BLOCKED_OTHER), 0.005 * wall + 1e6) << ::testing::PrintToString(reads.ns);
  EXPECT_NEAR(named + part(FANLIGHT_RUNNING) + runnable(reads) + part(FANLIGHT_BLOCKED_OTHER),
              static_cast<double>(reads.to_ns - reads.from_ns) - part(FANLIGHT_BLOCKED_POLL), 0.005 * wall + 2e6);
}

TEST(Totals, SeeEveryThreadHoweverShortItLived) {
  testing::Child program({TRUTH_BIRTHS, "2000"});
  const Recorded recorded = record(program);
  SCOPED_TRACE(missed(recorded.last));
  EXPECT_EQ(recorded.threads.size(), 2001u);
  for (const ThreadReading& thread : recorded.threads) {
    EXPECT_GT(thread.ns[FANLIGHT_RUNNING], 0u)
        << thread.name << " " << ::testing::PrintToString(thread.ns) << " switches " << thread.switches_voluntary
        << " + " << thread.switches_preempted << ", run queue " << thread.run_queue_ns.count();
    EXPECT_GT(thread.to_ns, thread.from_ns);
  }
}

TEST(Totals, SurviveOthersThatAttachAndDetach) {
  testing::Child other({TRUTH_SPLIT, "60"});
  ASSERT_FALSE(other.await("ready").empty());
  std::atomic<bool> stop{false};
  std::thread churn([&] {
    while (!stop) {
      const auto probes = Probes::attach({.pid = other.pid()});
      EXPECT_TRUE(probes);
    }
  });
  testing::Child program({TRUTH_BIRTHS, "8000"});
  const Recorded recorded = record(program);
  stop = true;
  churn.join();
  SCOPED_TRACE(missed(recorded.last));
  EXPECT_EQ(recorded.threads.size(), 8001u);
  for (const ThreadReading& thread : recorded.threads) {
    EXPECT_GT(thread.ns[FANLIGHT_RUNNING], 0u) << ::testing::PrintToString(thread.ns);
    // Whatever was left out, nobody runs longer than it lives in this test: a few milliseconds at most on a CPU.
    if (thread.tid != program.pid()) {
      EXPECT_LT(thread.ns[FANLIGHT_RUNNING], 50'000'000u);
    }
  }
}

}  // namespace
}  // namespace fanlight::kernel
