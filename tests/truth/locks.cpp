// Two threads that hold one mutex for known times, one beside it that waits for a condition. Prints how long each
// waited for the mutex by its own clock.
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <ctime>
#include <mutex>
#include <thread>

#include "tests/truth/gate.hpp"

namespace {

std::uint64_t now_ns() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

std::mutex contended;
std::mutex idle_mutex;
std::condition_variable idle;

}  // namespace

namespace truth {

/// Takes the lock, and gives it back after `hold`.
[[gnu::noinline]] std::uint64_t take_contended(std::chrono::milliseconds hold) {
  const std::uint64_t begin = now_ns();
  contended.lock();
  const std::uint64_t waited = now_ns() - begin;
  std::this_thread::sleep_for(hold);
  contended.unlock();
  return waited;
}

}  // namespace truth

int main() {
  fanlight::truth::wait_at_gate();
  bool done = false;
  std::thread idler([&] {
    ::pthread_setname_np(::pthread_self(), "idler");
    std::unique_lock lock(idle_mutex);
    idle.wait(lock, [&] { return done; });
  });
  const auto life = [](const char* name, std::chrono::milliseconds hold, std::chrono::milliseconds rest) {
    ::pthread_setname_np(::pthread_self(), name);
    std::uint64_t waited = 0;
    for (int i = 0; i < 20; ++i) {
      waited += truth::take_contended(hold);
      std::this_thread::sleep_for(rest);
    }
    std::printf(R"({"thread":"%s","tid":%ld,"waited_ns":%lu})"
                "\n",
                name, ::syscall(SYS_gettid), waited);
  };
  std::thread owner(life, "owner", std::chrono::milliseconds(60), std::chrono::milliseconds(5));
  std::thread waiter(life, "waiter", std::chrono::milliseconds(2), std::chrono::milliseconds(10));
  owner.join();
  waiter.join();
  {
    const std::lock_guard lock(idle_mutex);
    done = true;
  }
  idle.notify_all();
  idler.join();
  return 0;
}
