#include "tests/collector/unwind/scenarios.hpp"

#include <alloca.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <coroutine>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace fanlight::unwind::testing {

__attribute__((noinline)) void look() {
  ::raise(SIGUSR1);
  asm volatile("");
}

namespace {

volatile int sink;

void plain() { look(); }

void sorted_by_lambda() {
  std::vector<int> numbers{5, 3, 9, 1, 7, 2, 8};
  bool looked = false;
  std::sort(numbers.begin(), numbers.end(), [&](int a, int b) {
    if (!looked) look();
    looked = true;
    return a < b;
  });
  sink = numbers[0];
}

int compare_and_look(const void* a, const void* b) {
  static thread_local bool looked = false;
  if (!looked) {
    looked = true;
    look();
  }
  return *static_cast<const int*>(a) - *static_cast<const int*>(b);
}

void through_qsort() {
  int numbers[] = {4, 2, 9, 1};
  ::qsort(numbers, 4, sizeof numbers[0], compare_and_look);
  sink = numbers[0];
}

__attribute__((noinline)) void with_alloca(std::size_t bytes) {
  auto* room = static_cast<volatile char*>(alloca(bytes));
  room[0] = 1;
  room[bytes - 1] = 2;
  look();
  sink = room[0];
}
void on_variable_stack() { with_alloca(static_cast<std::size_t>(::getpid() % 7 + 100) * 8); }

// The compiler realigns the stack for it, and describes the frame by an expression.
#if defined(__x86_64__)
__attribute__((target("avx")))
#endif
__attribute__((noinline)) void
with_realigned_stack() {
  alignas(64) volatile float numbers[64];
  for (int i = 0; i < 64; ++i) numbers[i] = static_cast<float>(i);
  auto* room = static_cast<volatile char*>(alloca(static_cast<std::size_t>(::getpid() % 5 + 40)));
  room[0] = 1;
  look();
  sink = static_cast<int>(numbers[3]) + room[0];
}

void on_second_signal(int) { look(); }
void within_signal_handler() {
  struct sigaction action{}, before{};
  action.sa_handler = on_second_signal;
  ::sigaction(SIGUSR2, &action, &before);
  ::raise(SIGUSR2);
  ::sigaction(SIGUSR2, &before, nullptr);
}

struct LooksWhenDestroyed {
  ~LooksWhenDestroyed() { look(); }
};
__attribute__((noinline)) void throws(int depth) {
  if (depth == 0) throw std::runtime_error("on purpose");
  throws(depth - 1);
  asm volatile("");
}
void exception_in_flight() {
  try {
    const LooksWhenDestroyed object;
    throws(5);
  } catch (const std::runtime_error&) {}
}

struct Task {
  struct promise_type {
    Task get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
  std::coroutine_handle<promise_type> handle;
};
Task coroutine() {
  look();
  co_await std::suspend_always{};
  look();
}
void resumed_coroutine() {
  const Task task = coroutine();
  task.handle.resume();
  task.handle.destroy();
}

thread_local struct LooksAtThreadExit {
  bool armed = false;
  ~LooksAtThreadExit() {
    if (armed) look();
  }
} at_exit;
void thread_exit_path() { at_exit.armed = true; }

void once_inner() { look(); }
void through_call_once() {
  std::once_flag flag;
  std::call_once(flag, once_inner);
}

void through_std_function() {
  const std::function<void(int)> function = [](int x) {
    if (x > 0) look();
    sink = x;
  };
  function(static_cast<int>(::getpid()));
}

void deep() { recurse(400); }

}  // namespace

__attribute__((noinline)) void recurse(int depth) {
  volatile char room[24];
  room[0] = static_cast<char>(depth);
  if (depth <= 0)
    look();
  else
    recurse(depth - 1);
  sink = room[0];
}

__attribute__((noinline)) void wait_deep(int depth, const volatile bool& stop) {
  volatile char room[24];
  room[0] = static_cast<char>(depth);
  if (depth > 0) {
    wait_deep(depth - 1, stop);
  } else {
    while (!stop) ::usleep(20'000);
  }
  sink = room[0];
}

__attribute__((noinline)) void work_deep(int depth, const volatile bool& stop) {
  volatile char room[24];
  room[0] = static_cast<char>(depth);
  if (depth > 0) {
    work_deep(depth - 1, stop);
  } else {
    while (!stop) sink = sink + 1;
  }
  sink = room[0];
}

const Scenario kScenarios[] = {
    {"a function", plain},
    {"std::sort of a lambda", sorted_by_lambda},
    {"qsort's comparison", through_qsort},
    {"alloca", on_variable_stack},
    {"a realigned stack", with_realigned_stack},
    {"a signal handler", within_signal_handler},
    {"an exception in flight", exception_in_flight},
    {"a coroutine", resumed_coroutine},
    {"a thread's exit", thread_exit_path},
    {"call_once", through_call_once},
    {"std::function", through_std_function},
    {"recursion", deep},
};
const unsigned kScenarioCount = sizeof kScenarios / sizeof kScenarios[0];

namespace {

std::atomic<bool> stopped = false;
std::mutex mutex;
std::condition_variable changed;

void in_sleep() {
  timespec time{0, 20'000'000};
  while (!stopped) ::nanosleep(&time, nullptr);
}
void in_condition_variable() {
  std::unique_lock held(mutex);
  while (!stopped) changed.wait_for(held, std::chrono::milliseconds(20));
}
void in_poll() {
  while (!stopped) ::poll(nullptr, 0, 20);
}
void in_vector_of_calls() {
  const std::vector<std::function<void()>> calls{[] {
    while (!stopped) ::usleep(20'000);
  }};
  for (const auto& call : calls) call();
}

}  // namespace

const Scenario kBlocked[] = {
    {"nanosleep", in_sleep},
    {"std::condition_variable", in_condition_variable},
    {"poll", in_poll},
    {"usleep in std::function", in_vector_of_calls},
};
const unsigned kBlockedCount = sizeof kBlocked / sizeof kBlocked[0];

void stop_blocking() { stopped = true; }

unsigned long mixed_work(const volatile bool& stop) {
  std::map<std::string, double> table;
  std::vector<double> numbers(512);
  double sum = 0;
  unsigned long rounds = 0;
  for (unsigned round = 0; !stop; ++round, ++rounds) {
    for (double& number : numbers) {
      number = std::sin(static_cast<double>(round)) * std::pow(1.0001, round % 100);
      ++round;
    }
    std::sort(numbers.begin(), numbers.end());
    std::ostringstream text;
    text << numbers[round % 512] << ' ' << round;
    table[text.str().substr(0, 6)] += numbers[0];
    char line[64];
    std::snprintf(line, sizeof line, "%d %f", static_cast<int>(round), sum);
    sum += std::strtod(line, nullptr) + static_cast<double>(std::strlen(line));
    if (table.size() > 1000) table.clear();
    if (round % 3 == 0) {
      try {
        throws(3);
      } catch (const std::runtime_error&) {}
    }
    std::free(std::malloc(round % 10'000));
    timespec now;
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    ::qsort(numbers.data(), 16, sizeof numbers[0], [](const void* a, const void* b) {
      return *static_cast<const double*>(a) < *static_cast<const double*>(b) ? -1 : 1;
    });
  }
  sink = static_cast<int>(sum);
  return rounds;
}

}  // namespace fanlight::unwind::testing
