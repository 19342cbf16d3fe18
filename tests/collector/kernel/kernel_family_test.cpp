// A target of several processes: those that are named, those that they start, those that they become.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "collector/process/launch.hpp"
#include "tests/collector/kernel/recorded.hpp"

namespace fanlight::kernel {
namespace {

struct Role {
  pid_t pid = 0;
  double spun_ns = 0;
};

std::map<std::string, Role> roles_of(const std::string& out) {
  std::map<std::string, Role> roles;
  std::istringstream lines(out);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t at = line.find("{\"role\":\"");
    if (at == std::string::npos) continue;
    const std::string name = line.substr(at + 9, line.find('"', at + 9) - at - 9);
    roles[name] = {static_cast<pid_t>(number_in(line, "pid")), number_in(line, "spun_ns")};
  }
  return roles;
}

double running(const ThreadReading& thread) { return static_cast<double>(thread.ns[FANLIGHT_RUNNING]); }

/// The life of a process (of its thread of that name) in which it ran the longest.
const ThreadReading* busiest(const std::vector<ThreadReading>& threads, pid_t pid) {
  const ThreadReading* found = nullptr;
  for (const ThreadReading& thread : threads)
    if (thread.pid == pid && (found == nullptr || running(thread) > running(*found))) found = &thread;
  return found;
}

/// What it spun for by its own clock, and what it took to start and to end.
void expect_spun(const std::vector<ThreadReading>& threads, const std::string& role, const Role& truth) {
  SCOPED_TRACE(role);
  const ThreadReading* life = busiest(threads, truth.pid);
  ASSERT_NE(life, nullptr);
  EXPECT_GE(running(*life), truth.spun_ns * 0.995);
  // Interrupts, and what the host takes away, count as running here and not in the program's clock.
  EXPECT_LE(running(*life), truth.spun_ns * 1.3 + 20e6);
}

TEST(Family, ChildrenAreWatchedWhateverTheyBecome) {
  testing::Child program({TRUTH_FAMILY, "gate"});
  const Recorded recorded = record(program, {.children = true});
  ASSERT_EQ(program.wait(), 0) << program.err();
  const auto roles = roles_of(program.out());
  ASSERT_EQ(roles.size(), 5u) << program.out();
  for (const auto& [role, truth] : roles) expect_spun(recorded.threads, role, truth);
  EXPECT_EQ(busiest(recorded.threads, roles.at("exec").pid)->name, "spinner");

  // Lives: the parent, the copy, two threads of the second copy, the third before and after its exec, and of the fourth
  // its first thread, the other one before its exec, and that one after it.
  EXPECT_EQ(recorded.threads.size(), 9u);
  const pid_t changed = roles.at("exec-by-thread").pid;
  std::size_t of_changed = 0, became = 0;
  for (const ThreadReading& thread : recorded.threads) {
    of_changed += thread.pid == changed;
    became += thread.exec;
    if (thread.pid == changed && thread.name == "changer") {
      EXPECT_TRUE(thread.exec);
      EXPECT_NE(thread.tid, changed) << "it had a number of its own until then";
    }
    if (thread.pid == changed && thread.name == "spinner") {
      EXPECT_EQ(thread.tid, changed) << "it took over the number of the first";
    }
  }
  EXPECT_EQ(of_changed, 3u);
  EXPECT_EQ(became, 2u);

  // Stacks, too, go through the memory that each process has now.
  std::map<pid_t, std::pair<int, int>> whole;  // on-CPU samples of each process, and those that reach the entry
  for (const RawSample& sample : recorded.samples) {
    if (sample.sampler != Sampler::kernel_cpu || sample.user_stack.empty()) continue;
    ++whole[sample.pid].first;
    whole[sample.pid].second += sample.end == StackEnd::entry;
  }
  for (const char* role : {"parent", "copy", "exec", "exec-by-thread"}) {
    SCOPED_TRACE(role);
    const auto [all, reached] = whole[roles.at(role).pid];
    EXPECT_GT(all, 3);
    EXPECT_GE(reached, all * 8 / 10) << all;  // a few fall between its exec and our look at its memory
  }
}

TEST(Family, WithoutChildrenThereIsOneProcess) {
  testing::Child program({TRUTH_FAMILY, "gate"});
  const Recorded recorded = record(program);
  ASSERT_EQ(program.wait(), 0) << program.err();
  ASSERT_EQ(recorded.threads.size(), 1u);
  EXPECT_EQ(recorded.threads[0].pid, program.pid());
  expect_spun(recorded.threads, "parent", roles_of(program.out()).at("parent"));
}

TEST(Family, SeveralAreWatchedAtOnce) {
  testing::Child one({TRUTH_SPLIT, "1"});
  testing::Child other({TRUTH_SPLIT, "1"});
  ASSERT_FALSE(other.await("ready").empty());
  const Recorded recorded = record(one, {.others = {other.pid()}});
  other.send("go");
  EXPECT_TRUE(std::ranges::any_of(recorded.threads, [&](const auto& thread) { return thread.pid == one.pid(); }));
  // The other one waits at its gate all the while, and is seen to.
  const auto waits = std::ranges::find(recorded.last.threads, other.pid(), &ThreadReading::pid);
  ASSERT_NE(waits, recorded.last.threads.end());
  EXPECT_GT(waits->ns[FANLIGHT_BLOCKED_POLL], 0.9 * static_cast<double>(waits->to_ns - waits->from_ns));
}

TEST(Family, WhoeverBecomesAProgramOfThatNameJoins) {
  auto probes = Probes::attach({.children = true, .comm = "truth_family"});
  ASSERT_TRUE(probes) << probes.error().what;
  testing::Child program({TRUTH_FAMILY, "go"});
  testing::Child stranger({TRUTH_BIRTHS, "5"});
  stranger.close_stdin();
  Recorded recorded;
  while (program.running()) {
    ASSERT_TRUE(probes->poll(std::chrono::milliseconds(50), [](RawSample&&) {}));
    read_once(*probes, recorded);
  }
  read_once(*probes, recorded);
  const auto roles = roles_of(program.out());
  ASSERT_EQ(roles.size(), 5u) << program.out() << program.err();
  for (const auto& [role, truth] : roles) expect_spun(recorded.threads, role, truth);
  for (const ThreadReading& thread : recorded.threads) EXPECT_NE(thread.pid, stranger.pid());
}

TEST(Family, AHeldProgramCountsFromItsFirstInstruction) {
  auto launched = process::Launched::hold({TRUTH_FAMILY, "go"});
  ASSERT_TRUE(launched) << launched.error().what;
  auto probes = Probes::attach(
      {.pid = launched->pid(), .children = true, .from_exec = true, .executable = launched->executable()});
  ASSERT_TRUE(probes) << probes.error().what;
  const std::uint64_t before =
      static_cast<std::uint64_t>(std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
  ASSERT_TRUE(launched->let_go());
  probes->started();
  Recorded recorded;
  std::optional<std::string> ended;
  while (!(ended = launched->ended())) {
    ASSERT_TRUE(probes->poll(std::chrono::milliseconds(20),
                             [&](RawSample&& sample) { recorded.samples.push_back(std::move(sample)); }));
    read_once(*probes, recorded);
  }
  read_once(*probes, recorded);
  EXPECT_EQ(*ended, "ended with 0");
  EXPECT_EQ(launched->ended(), std::nullopt) << "said once";
  EXPECT_EQ(recorded.threads.size(), 9u) << "nothing of the copy of ourselves that it was";
  const ThreadReading* first = busiest(recorded.threads, launched->pid());
  ASSERT_NE(first, nullptr);
  EXPECT_GT(first->from_ns, before);
  EXPECT_GT(running(*first), 110e6);
  EXPECT_EQ(first->name, "truth_family");
}

TEST(Family, AHeldProgramThatCannotRunSaysSo) {
  EXPECT_FALSE(process::Launched::hold({"/nonexistent/program"}));
  const auto nameless = process::Launched::hold({"fanlight-no-such-program"});
  ASSERT_FALSE(nameless);
  EXPECT_NE(nameless.error().what.find("No such file"), std::string::npos) << nameless.error().what;
  EXPECT_FALSE(nameless.error().hint.empty());
}

}  // namespace
}  // namespace fanlight::kernel
