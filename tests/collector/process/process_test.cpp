#include "collector/process/process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

namespace fanlight::process {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::filesystem::path kRoot = std::filesystem::path(FANLIGHT_SOURCE_DIR) / "tests/data/process_root";

TEST(Process, IsDescribedFromTheKeptTree) {
  const auto process = describe(4242, kRoot);
  ASSERT_TRUE(process) << process.error().what;
  EXPECT_EQ(process->pid, 4242);
  EXPECT_EQ(process->name, "fan (light) S 1");
  EXPECT_EQ(process->executable, "/opt/fanlight/bin/fanlight-server");
  EXPECT_EQ(process->start_ticks, 153763u);
}

TEST(Process, KernelThreadHasNoExecutable) {
  const auto process = describe(16, kRoot);
  ASSERT_TRUE(process) << process.error().what;
  EXPECT_EQ(process->executable, "");
}

TEST(Process, BadStatusIsAnError) {
  struct Case {
    pid_t pid;
    int code;
    const char* error;
  };
  for (const Case& c :
       {Case{999, ESRCH, "process 999: No such process"}, Case{0, ESRCH, "process 0: No such process"},
        Case{-4, ESRCH, "process -4: No such process"}, Case{14, 0, "process 14: a process status without a name"},
        Case{15, 0, "process 15: a process status of 6 fields"},
        Case{17, 0, "process 17: field 14 of a process status is no number"}}) {
    SCOPED_TRACE(c.pid);
    const auto process = describe(c.pid, kRoot);
    ASSERT_FALSE(process);
    EXPECT_EQ(process.error().what, c.error);
    EXPECT_EQ(process.error().code, c.code);
    EXPECT_EQ(process.error().hint.empty(), c.code != ESRCH);
  }
}

TEST(Process, ThreadNamesAreMadePrintable) {
  const auto alive_now = threads(4242, kRoot);
  ASSERT_TRUE(alive_now) << alive_now.error().what;
  std::vector<std::pair<pid_t, std::string>> seen;
  for (const ThreadName& thread : *alive_now) seen.emplace_back(thread.tid, thread.name);
  EXPECT_THAT(seen, ElementsAre(std::pair(4242, "fanlight-server"), std::pair(4243, "worker-1"),
                                std::pair(4250, "a?b?[2J?\xc3\xa9")));
}

TEST(Process, ThreadsOfNobody) {
  const auto none = threads(999, kRoot);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ESRCH);
  EXPECT_EQ(none.error().what, "process 999: No such process");
}

TEST(Process, AliveMeansTheSameProcessAndNoZombie) {
  const auto process = describe(4242, kRoot);
  ASSERT_TRUE(process);
  EXPECT_TRUE(alive(*process, kRoot));
  Process reused = *process;
  reused.start_ticks -= 1;
  EXPECT_FALSE(alive(reused, kRoot));
  EXPECT_FALSE(alive({.pid = 13, .start_ticks = 99}, kRoot)) << "a zombie";
  EXPECT_FALSE(alive({.pid = 999}, kRoot));
}

TEST(Process, BpfMapsAreListedOnceEach) {
  EXPECT_THAT(bpf_maps(4242, kRoot), ElementsAre(12u, 71u));
  EXPECT_THAT(bpf_maps(999, kRoot), IsEmpty());
}

TEST(Process, UsageIsTimeAndMemory) {
  const auto used = usage(4242, kRoot);
  ASSERT_TRUE(used) << used.error().what;
  EXPECT_EQ(used->cpu_ns, std::uint64_t{300} * 1'000'000'000u / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK)));
  EXPECT_EQ(used->resident_bytes, 1234u * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
  const auto broken = usage(16, kRoot);
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().what, HasSubstr("statm without a resident size"));
}

TEST(Process, SeesItself) {
  const auto self = describe(::getpid());
  ASSERT_TRUE(self) << self.error().what;
  EXPECT_EQ(self->executable, std::filesystem::read_symlink("/proc/self/exe").string());
  EXPECT_TRUE(alive(*self));
  std::jthread other([](std::stop_token stop) {
    while (!stop.stop_requested()) std::this_thread::yield();
  });
  const auto mine = threads(::getpid());
  ASSERT_TRUE(mine);
  EXPECT_EQ(mine->size(), 2u);
  EXPECT_EQ(mine->front().tid, ::getpid());
  const pid_t tid = mine->back().tid;
  const auto thread = describe(tid);
  ASSERT_FALSE(thread) << "its probes would find nothing";
  EXPECT_EQ(thread.error().what, std::to_string(tid) + " is a thread of process " + std::to_string(::getpid()));
}

TEST(Process, ChildThatExitedIsNotAlive) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  const auto process = describe(child);
  ASSERT_TRUE(process) << process.error().what;
  EXPECT_TRUE(alive(*process));
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  siginfo_t info;
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  EXPECT_FALSE(alive(*process)) << "a zombie";
  const auto zombie = describe(child);
  ASSERT_FALSE(zombie);
  EXPECT_EQ(zombie.error().what, "process " + std::to_string(child) + " has already exited (zombie)");
  EXPECT_FALSE(zombie.error().hint.empty());
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_FALSE(alive(*process)) << "reaped";
}

TEST(Process, WithoutItsFirstThreadIsAliveWhileAnotherRuns) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::thread([] { ::pause(); }).detach();
    ::syscall(SYS_exit, 0);  // this thread alone
  }
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  const auto state = [&] {
    std::ifstream file("/proc/" + std::to_string(child) + "/stat");
    std::string text;
    std::getline(file, text);
    const std::size_t end = text.rfind(") ");
    return end == std::string::npos ? '?' : text[end + 2];
  };
  while (state() != 'Z' && std::chrono::steady_clock::now() < limit)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(state(), 'Z');
  const auto process = describe(child);
  EXPECT_TRUE(process) << process.error().what;
  EXPECT_TRUE(process && alive(*process));
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
}

}  // namespace
}  // namespace fanlight::process
