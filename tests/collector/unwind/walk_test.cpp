// Stacks of this very program, walked by the rules and by elfutils.
#include "collector/unwind/walk.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "collector/unwind/target_tables.hpp"
#include "core/sample.hpp"
#include "tests/collector/unwind/capture.hpp"
#include "tests/collector/unwind/reference.hpp"
#include "tests/collector/unwind/scenarios.hpp"

namespace fanlight::unwind::testing {
namespace {

constexpr std::size_t kMost = 4096;
Captured captures[kMost];
std::atomic<std::size_t> taken = 0;
thread_local std::uint64_t stack_end = 0;

std::uint64_t end_of_own_stack() {
  pthread_attr_t attributes;
  void* base = nullptr;
  std::size_t bytes = 0;
  ::pthread_getattr_np(::pthread_self(), &attributes);
  ::pthread_attr_getstack(&attributes, &base, &bytes);
  ::pthread_attr_destroy(&attributes);
  return reinterpret_cast<std::uint64_t>(base) + bytes;
}

void on_signal(int, siginfo_t*, void* context) {
  const int saved = errno;
  const std::size_t index = taken.load();
  if (index < kMost && stack_end != 0) {
    capture(*static_cast<const ucontext_t*>(context), stack_end, captures[index]);
    taken.store(index + 1);
  }
  errno = saved;
}

class Walk : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    struct sigaction action{};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    ::sigaction(SIGUSR1, &action, nullptr);
    ::sigaction(SIGPROF, &action, nullptr);
  }
  void SetUp() override {
    taken = 0;
    for (std::size_t i = 0; i < 64; ++i) captures[i].stack.reserve(256 << 10);
  }

  /// The tables of this process, in memory of our own.
  struct Own {
    Own() : tables(::getpid(), Cache(symbols::DiskCache())) {
      EXPECT_TRUE(tables.prepare());
      const Capacity need = tables.capacity();
      chunks.resize(need.chunks);
      pages.resize(need.pages);
      rules.resize(FANLIGHT_UNWIND_RULES);
      lists.resize(2);
      tables.publish(arrays());
    }
    Arrays arrays() { return {chunks, pages, rules, lists}; }
    Walked walk(const Captured& captured, std::size_t room = 512) {
      return unwind::walk(
          arrays(), tables.list(), captured.registers,
          [&](void* into, std::size_t bytes, std::uint64_t address) { return captured.read(into, bytes, address); },
          room);
    }
    TargetTables tables;
    std::vector<fanlight_unwind_chunk> chunks;
    std::vector<fanlight_unwind_page> pages;
    std::vector<fanlight_unwind_rule> rules;
    std::vector<fanlight_unwind_mappings> lists;
  };

  /// Each as the file that is mapped there and where in it, to look up with addr2line.
  static std::string places(const std::vector<std::uint64_t>& frames) {
    std::ostringstream out;
    for (const std::uint64_t address : frames) {
      std::ifstream maps("/proc/self/maps");
      std::string path = "nowhere";
      std::uint64_t base = 0;
      for (std::string line; std::getline(maps, line);) {
        unsigned long start = 0, end = 0, offset = 0;
        char file[512] = {};
        std::sscanf(line.c_str(), "%lx-%lx %*s %lx %*s %*s %511s", &start, &end, &offset, file);
        if (address < start || address >= end) continue;
        path = file;
        base = start - offset;
      }
      out << ' ' << path.substr(path.rfind('/') + 1) << "+0x" << std::hex << address - base;
    }
    return out.str();
  }

  static std::vector<std::uint64_t> addresses(const Walked& walked) {
    std::vector<std::uint64_t> all;
    for (const WalkedFrame& frame : walked.frames) all.push_back(frame.address);
    return all;
  }
};

TEST_F(Walk, AgreesWithElfutilsFrameByFrame) {
  for (unsigned i = 0; i < kScenarioCount; ++i) {
    SCOPED_TRACE(kScenarios[i].name);
    taken = 0;
    std::thread([&] {
      stack_end = end_of_own_stack();
      kScenarios[i].run();
    }).join();
    ASSERT_GE(taken.load(), 1u);
    Own own;
    Reference reference;
    const Walked walked = own.walk(captures[0]);
    EXPECT_EQ(walked.stop, FANLIGHT_STOP_ENTRY);
    EXPECT_EQ(addresses(walked), reference.walk(captures[0]));
    EXPECT_GT(walked.frames.size(), 4u);
  }
}

TEST_F(Walk, ReachesTheEntryOfTheFirstThread) {
  stack_end = end_of_own_stack();
  look();
  ASSERT_EQ(taken.load(), 1u);
  Own own;
  Reference reference;
  const Walked walked = own.walk(captures[0]);
  EXPECT_EQ(walked.stop, FANLIGHT_STOP_ENTRY);
  EXPECT_EQ(addresses(walked), reference.walk(captures[0]));
  stack_end = 0;
}

TEST_F(Walk, ReachesTheEntryOfBlockedThreads) {
  std::vector<std::thread> threads;
  std::atomic<unsigned> ready = 0;
  for (unsigned i = 0; i < kBlockedCount; ++i)
    threads.emplace_back([&, i] {
      stack_end = end_of_own_stack();
      ++ready;
      kBlocked[i].run();
    });
  while (ready < kBlockedCount) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  for (unsigned i = 0; i < kBlockedCount; ++i) {
    ::pthread_kill(threads[i].native_handle(), SIGUSR1);
    while (taken <= i) std::this_thread::yield();
  }
  stop_blocking();
  Own own;
  Reference reference;
  for (unsigned i = 0; i < kBlockedCount; ++i) {
    SCOPED_TRACE(kBlocked[i].name);
    const Walked walked = own.walk(captures[i]);
    EXPECT_EQ(walked.stop, FANLIGHT_STOP_ENTRY);
    EXPECT_EQ(addresses(walked), reference.walk(captures[i]));
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(Walk, StopsWhereThereIsNoRoom) {
  std::thread([] {
    stack_end = end_of_own_stack();
    recurse(600);
  }).join();
  ASSERT_EQ(taken.load(), 1u);
  Own own;
  const Walked walked = own.walk(captures[0]);
  EXPECT_EQ(walked.frames.size(), 512u);
  EXPECT_EQ(walked.stop, FANLIGHT_STOP_ROOM);
  EXPECT_EQ(own.walk(captures[0], 2048).stop, FANLIGHT_STOP_ENTRY);
}

TEST(WalkWithoutRules, AZeroFramePointerIsAnEntryOnlyAfterACall) {
  std::vector<fanlight_unwind_mappings> lists(2);
  const Arrays arrays{.mappings = lists};
  const auto nothing = [](void*, std::size_t, std::uint64_t) { return false; };
  Registers registers{.ip = 0x401000};
  registers.general[7] = 0x7ffe0000;
  EXPECT_EQ(unwind::walk(arrays, 0, registers, nothing).stop, FANLIGHT_STOP_NO_MAPPING)
      << "a thread that keeps something else in rbp stands somewhere unknown, not at its entry";

  // A frame record at rsp whose caller's rbp is zero: the caller is the deepest frame.
  lists[0].count = 1;
  lists[0].at[0] = {.start = 0x401000, .end = 0x402000};
  registers.general[6] = registers.general[7];
  const auto record = [](void* into, std::size_t bytes, std::uint64_t) {
    const std::uint64_t words[2] = {0, 0x401080};
    std::memcpy(into, words, std::min(bytes, sizeof words));
    return bytes <= sizeof words;
  };
  const Walked walked = unwind::walk(arrays, 0, registers, record);
  EXPECT_EQ(walked.stop, FANLIGHT_STOP_ENTRY);
  ASSERT_EQ(walked.frames.size(), 2u);
  EXPECT_EQ(walked.frames[1].found, FANLIGHT_FOUND_FRAME_POINTER);
}

// Any instruction may be the one that a sample interrupts: prologues, epilogues, PLT stubs, the vDSO.
TEST_F(Walk, AgreesWithElfutilsAtAnyInstruction) {
  constexpr std::size_t kSamples = 1500;
  for (std::size_t i = 0; i < kSamples; ++i) captures[i].stack.reserve(32 << 10);
  volatile bool stop = false;
  std::thread worker([&] {
    stack_end = end_of_own_stack();
    mixed_work(stop);
  });
  while (taken < kSamples) {
    const std::size_t before = taken;
    ::pthread_kill(worker.native_handle(), SIGPROF);
    std::this_thread::sleep_for(std::chrono::microseconds(100 + before % 97));
  }
  stop = true;
  worker.join();
  Own own;
  Reference reference;
  std::size_t differ = 0, whole = 0, reference_cut = 0;
  for (std::size_t i = 0; i < kSamples; ++i) {
    const Walked walked = own.walk(captures[i]);
    const std::vector<std::uint64_t> expected = reference.walk(captures[i]);
    whole += walked.stop == FANLIGHT_STOP_ENTRY;
    if (addresses(walked) == expected) continue;
    const auto got = addresses(walked);
    // Where the reference itself gives up earlier, ours must at least begin alike. In a linkage table that nothing
    // describes, such as mold's, it goes by a frame pointer that is none, to nowhere or past the caller.
    const auto known = std::find(expected.begin(), expected.end(), 0u);
    const bool cut = static_cast<std::size_t>(known - expected.begin()) < got.size() &&
                     std::equal(expected.begin(), known, got.begin());
    const bool past_the_caller = got.size() == expected.size() + 1 && got.front() == expected.front() &&
                                 std::equal(expected.begin() + 1, expected.end(), got.begin() + 2);
    if (walked.stop == FANLIGHT_STOP_ENTRY && (cut || past_the_caller)) {
      ++reference_cut;
      continue;
    }
    ++differ;
    ADD_FAILURE() << "sample " << i << ": " << name_of(static_cast<StackEnd>(walked.stop)) << " after"
                  << places(addresses(walked)) << "; elfutils has" << places(expected);
  }
  EXPECT_EQ(whole, kSamples - differ);
  EXPECT_LT(reference_cut, kSamples / 20);
}

}  // namespace
}  // namespace fanlight::unwind::testing
