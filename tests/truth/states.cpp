// Threads that each spend their life in one known way; each prints what its own clocks say. One JSON line per thread:
// wall_ns and cpu_ns of its life, and part_ns of it in the way that the thread is named after.
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <ctime>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/truth/gate.hpp"

namespace {

std::uint64_t now_ns(clockid_t clock = CLOCK_MONOTONIC) {
  timespec now;
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

constexpr std::uint64_t kMs = 1'000'000;

void spin(std::uint64_t ns, clockid_t clock = CLOCK_MONOTONIC) {
  const std::uint64_t end = now_ns(clock) + ns;
  while (now_ns(clock) < end) {}
}

void pause_for(std::uint64_t ns) {
  timespec left{static_cast<time_t>(ns / 1'000'000'000u), static_cast<long>(ns % 1'000'000'000u)};
  ::nanosleep(&left, nullptr);
}

void pin(int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  ::sched_setaffinity(0, sizeof one, &one);
}

int first_cpu() {
  cpu_set_t allowed;
  ::sched_getaffinity(0, sizeof allowed, &allowed);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &allowed)) return cpu;
  return 0;
}

/// Runs `life` in a thread of that name; `life` returns the time it spent in the named way, by its own clock reads.
std::thread live(const char* name, std::function<std::uint64_t()> life) {
  return std::thread([name, life = std::move(life)] {
    const std::uint64_t begin = now_ns();
    ::pthread_setname_np(::pthread_self(), name);
    const std::uint64_t part = life();
    const std::uint64_t cpu = now_ns(CLOCK_THREAD_CPUTIME_ID);
    static std::mutex one_line;
    const std::lock_guard lock(one_line);
    std::printf(R"({"thread":"%s","tid":%ld,"wall_ns":%lu,"cpu_ns":%lu,"part_ns":%lu})"
                "\n",
                name, ::syscall(SYS_gettid), now_ns() - begin, cpu, part);
  });
}

std::uint64_t timed(const std::function<void()>& what) {
  const std::uint64_t begin = now_ns();
  what();
  return now_ns() - begin;
}

}  // namespace

int main() {
  int ping[2], pong[2], idle[2], wire[2], narrow[2];
  if (::pipe(ping) != 0 || ::pipe(pong) != 0 || ::pipe(idle) != 0 || ::socketpair(AF_UNIX, SOCK_STREAM, 0, wire) != 0 ||
      ::socketpair(AF_UNIX, SOCK_STREAM, 0, narrow) != 0)
    fanlight::truth::die("make pipes and sockets");
  fanlight::truth::wait_at_gate();

  std::vector<std::thread> threads;
  threads.push_back(live("sleep", [] { return timed([] { pause_for(600 * kMs); }); }));
  threads.push_back(live("futex", [] {
    std::uint32_t word = 0;
    const timespec limit{0, 500'000'000};
    return timed([&] { ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &limit, nullptr, 0); });
  }));
  threads.push_back(live("poll", [&] {
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    epoll_event interest{.events = EPOLLIN, .data = {}};
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, idle[0], &interest);
    const std::uint64_t part = timed([&] { ::epoll_wait(epoll, &interest, 1, 400); });
    ::close(epoll);
    return part;
  }));
  threads.push_back(live("receive", [&] {
    char byte;
    return timed([&] { (void)!::recv(wire[0], &byte, 1, 0); });
  }));
  threads.push_back(live("sender", [&] {
    const std::uint64_t part = timed([] { pause_for(450 * kMs); });
    (void)!::send(wire[1], "x", 1, 0);
    return part;
  }));
  threads.push_back(live("ping", [&] {
    std::uint64_t part = 0;
    for (int i = 0; i < 200; ++i) {
      char byte = 'x';
      (void)!::write(ping[1], &byte, 1);
      part += timed([&] { (void)!::read(pong[0], &byte, 1); });
    }
    return part;
  }));
  threads.push_back(live("pong", [&] {
    std::uint64_t part = 0;
    for (int i = 0; i < 200; ++i) {
      char byte;
      part += timed([&] { (void)!::read(ping[0], &byte, 1); });
      pause_for(2 * kMs);
      (void)!::write(pong[1], &byte, 1);
    }
    return part;
  }));
  // More than a socket holds, to a reader that has stopped for a while.
  threads.push_back(live("full", [&] {
    const std::vector<char> much(4u << 20);
    return timed([&] {
      for (std::size_t sent = 0; sent < much.size();) {
        const ssize_t now = ::send(narrow[1], much.data() + sent, much.size() - sent, 0);
        if (now <= 0) fanlight::truth::die("send");
        sent += static_cast<std::size_t>(now);
      }
    });
  }));
  threads.push_back(live("stopped", [&] {
    const std::uint64_t part = timed([] { pause_for(400 * kMs); });
    std::vector<char> room(1u << 20);
    for (std::size_t got = 0; got < 4u << 20;) {
      const ssize_t now = ::recv(narrow[0], room.data(), room.size(), 0);
      if (now <= 0) fanlight::truth::die("receive");
      got += static_cast<std::size_t>(now);
    }
    return part;
  }));
  for (std::thread& thread : threads) thread.join();
  threads.clear();

  // Alone on its CPU as far as we can tell; then two that must share one.
  threads.push_back(live("spin", [] {
    spin(300 * kMs, CLOCK_THREAD_CPUTIME_ID);
    return now_ns(CLOCK_THREAD_CPUTIME_ID);
  }));
  threads.back().join();
  threads.clear();
  const int cpu = first_cpu();
  for (const char* name : {"rival-1", "rival-2"})
    threads.push_back(live(name, [cpu] {
      pin(cpu);
      spin(300 * kMs, CLOCK_THREAD_CPUTIME_ID);
      return now_ns(CLOCK_THREAD_CPUTIME_ID);
    }));
  for (std::thread& thread : threads) thread.join();
  return 0;
}
