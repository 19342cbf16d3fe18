// Everything at once, for seconds here and for a minute with FANLIGHT_PROOF=full: signals at 10 kHz into threads that
// change labels and record events, threads by the thousand, forks in between, events by the million.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "collector/inprocess/event_reader.hpp"
#include "collector/inprocess/inprocess.hpp"
#include "collector/inprocess/reader.hpp"
#include "fanlight/events.h"
#include "fanlight/label.hpp"

namespace fanlight::inprocess {
namespace {

using namespace std::chrono_literals;

bool full() {
  const char* const wish = std::getenv("FANLIGHT_PROOF");
  return wish != nullptr && std::string(wish) == "full";
}

class Start : public testing::Environment {
  void SetUp() override { ASSERT_EQ(start({.hz = 250, .max_threads = 1024}), 0); }
};
const auto* const g_start = testing::AddGlobalTestEnvironment(new Start);

/// Entries of the calling thread's labels; -1 when they do not lead exactly to the end.
int entries() {
  const fanlight_thread_context* const record = otel_thread_ctx_v1;
  if (record == nullptr) return 0;
  int count = 0;
  std::size_t at = 0;
  while (at + 2 <= record->attributes_bytes) {
    at += 2u + record->attributes[at + 1];
    ++count;
  }
  return at == record->attributes_bytes ? count : -1;
}

std::atomic<std::uint64_t> g_handled, g_broken;

void on_signal(int) {
  const int saved_errno = errno;
  {
    const Label label{"handler", "storm"};
    FANLIGHT_SPAN("handler");
    FANLIGHT_EVENT(storm, 1);
    if (entries() < 2) ++g_broken;
  }
  ++g_handled;
  errno = saved_errno;
}

TEST(Storm, LabelsAndEventsSurviveSignalsAtAnyInstruction) {
  const auto length = full() ? 60s : 2s;
  constexpr std::size_t kThreads = 8;
  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  ASSERT_EQ(::sigaction(SIGUSR2, &action, nullptr), 0);
  fanlight_listen(1);
  std::atomic<bool> stop = false;
  std::array<std::atomic<pid_t>, kThreads> tids{};
  std::atomic<std::uint64_t> rounds = 0;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      const ThreadScope scope("storm");
      tids[t] = ::gettid();
      const std::string value(100, static_cast<char>('a' + t));
      while (!stop) {
        const Label outer{"outer", value};
        for (int i = 0; i < 100; ++i) {
          const Label inner{"inner", value};
          FANLIGHT_SPAN("round");
          FANLIGHT_EVENT(round, t, i);
          const fanlight_thread_context* const record = otel_thread_ctx_v1;
          if (entries() != 3 || std::memcmp(record->attributes + 2, value.data(), value.size()) != 0) ++g_broken;
          ++rounds;
        }
      }
    });
  std::thread sender([&] {
    for (std::size_t t = 0; !stop; t = (t + 1) % kThreads) {
      if (tids[t] != 0) ::syscall(SYS_tgkill, ::getpid(), tids[t].load(), SIGUSR2);
      std::this_thread::sleep_for(10us);
    }
  });
  std::uint64_t delivered = 0;
  auto samples = Reader::open(::getpid());
  ASSERT_TRUE(samples) << samples.error().what;
  const auto end = std::chrono::steady_clock::now() + length;
  std::optional<EventReader> events;
  while (std::chrono::steady_clock::now() < end) {
    if (!events) {
      if (auto opened = EventReader::open(::getpid())) events.emplace(std::move(*opened));
    } else {
      ASSERT_TRUE(events->drain([&](TargetEvent&&) { ++delivered; }));
    }
    ASSERT_TRUE(samples->drain([](RawSample&&) {}));
    std::this_thread::sleep_for(1ms);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  sender.join();
  fanlight_listen(0);
  ::signal(SIGUSR2, SIG_DFL);
  ASSERT_TRUE(events);
  ASSERT_TRUE(events->drain([&](TargetEvent&&) { ++delivered; }));
  EXPECT_EQ(g_broken, 0u);
  EXPECT_GT(g_handled, 1000u);
  EXPECT_GT(rounds, 1000u);
  EXPECT_GT(delivered, 0u);
  EXPECT_EQ(events->ledger().balance(), 0);
  EXPECT_EQ(events->ledger().dropped.at("malformed"), 0u);
  EXPECT_EQ(samples->ledger().balance(), 0);
  EXPECT_EQ(samples->ledger().dropped.at("malformed"), 0u);
}

TEST(Storm, AThousandThreadsInBurstsWithForksInBetween) {
  const int bursts = full() ? 20 : 2;
  fanlight_listen(1);
  std::atomic<std::uint64_t> wrong = 0;
  for (int burst = 0; burst < bursts; ++burst) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 1000; ++t) {
      threads.emplace_back([&, t] {
        const ThreadScope scope("burst");
        const Label label{"burst", "thread"};
        FANLIGHT_EVENT(burst, t);
        if (entries() != 1) ++wrong;
      });
      if (t % 250 != 0) continue;
      const pid_t child = ::fork();
      if (child == 0) {
        const Label label{"child", "of a burst"};
        FANLIGHT_EVENT(child, t);
        ::_exit(entries() == 1 ? 0 : 1);
      }
      int status = 0;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      EXPECT_EQ(status, 0);
    }
    for (std::thread& thread : threads) thread.join();
  }
  fanlight_listen(0);
  EXPECT_EQ(wrong, 0u);
}

TEST(Storm, EventsByTheMillionWithCountedOverruns) {
  const std::uint64_t each = full() ? 50'000'000 : 1'000'000;
  fanlight_listen(1);
  FANLIGHT_EVENT(first);
  auto reader = EventReader::open(::getpid());
  ASSERT_TRUE(reader) << reader.error().what;
  std::atomic<int> running = 2;
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t)
    threads.emplace_back([&] {
      for (std::uint64_t i = 0; i < each; ++i) FANLIGHT_EVENT(million, i);
      --running;
    });
  std::uint64_t delivered = 0;
  while (running > 0) ASSERT_TRUE(reader->drain([&](TargetEvent&&) { ++delivered; }));
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(reader->drain([&](TargetEvent&&) { ++delivered; }));
  fanlight_listen(0);
  const LedgerEntry ledger = reader->ledger();
  EXPECT_EQ(ledger.produced, 2 * each);
  EXPECT_EQ(ledger.delivered, delivered);
  EXPECT_EQ(ledger.balance(), 0);
  EXPECT_EQ(ledger.dropped.at("malformed"), 0u);
}

}  // namespace
}  // namespace fanlight::inprocess
