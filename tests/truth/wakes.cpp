// A thread that another one wakes over and over, one that only its timer wakes, and one that waits for a condition.
// One JSON line each: part_ns is the time that it waited by its own clock.
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <ctime>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/truth/gate.hpp"

namespace {

constexpr int kTimes = 400;
std::atomic<std::uint32_t> turn{0};

std::uint64_t now_ns() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

void nap(long ns) {
  const timespec time{0, ns};
  ::nanosleep(&time, nullptr);
}

/// Its own function, so that a stack can be asked for it.
[[gnu::noinline]] void wake_it() {
  turn.fetch_add(1);
  ::syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

template <class Life>
std::thread live(const char* name, Life life) {
  return std::thread([name, life] {
    ::pthread_setname_np(::pthread_self(), name);
    const std::uint64_t part = life();
    static std::mutex one_line;
    const std::lock_guard lock(one_line);
    std::printf(R"({"thread":"%s","tid":%ld,"part_ns":%lu})"
                "\n",
                name, ::syscall(SYS_gettid), part);
  });
}

}  // namespace

int main() {
  fanlight::truth::wait_at_gate();
  std::vector<std::thread> threads;
  threads.push_back(live("waiter", [] {
    std::uint64_t waited = 0;
    for (std::uint32_t seen = 0; seen < kTimes; seen = turn.load()) {
      const std::uint64_t begin = now_ns();
      ::syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
      waited += now_ns() - begin;
    }
    return waited;
  }));
  threads.push_back(live("waker", [] {
    const std::uint64_t begin = now_ns();
    for (int i = 0; i < kTimes; ++i) {
      nap(2'000'000);
      wake_it();
    }
    return now_ns() - begin;
  }));
  threads.push_back(live("napper", [] {
    const std::uint64_t begin = now_ns();
    for (int i = 0; i < kTimes; ++i) nap(1'500'000);
    return now_ns() - begin;
  }));
  threads.push_back(live("condition", [] {
    std::mutex mutex;
    std::condition_variable never;
    std::unique_lock held(mutex);
    const std::uint64_t begin = now_ns();
    never.wait_for(held, std::chrono::milliseconds(600));
    return now_ns() - begin;
  }));
  for (std::thread& thread : threads) thread.join();
  return 0;
}
