// Threads that wait for known times under known labels. Says "ready PID", waits to be let go, prints what each label
// waited by its own clock in ns, and goes when its input ends.
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "fanlight/label.hpp"
#include "tests/truth/gate.hpp"

namespace {

using fanlight::inprocess::Label;
using fanlight::inprocess::TraceScope;

std::uint64_t now_ns() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

std::uint64_t sleep_for(long ms) {
  const std::uint64_t begin = now_ns();
  const timespec time{ms / 1000, ms % 1000 * 1'000'000};
  ::nanosleep(&time, nullptr);
  return now_ns() - begin;
}

volatile std::uint64_t g_sink;

void spin_for(long ms) {
  const std::uint64_t end = now_ns() + static_cast<std::uint64_t>(ms) * 1'000'000;
  while (now_ns() < end)
    for (int i = 0; i < 1000; ++i) g_sink = g_sink + 1;
}

}  // namespace

int main(int count, char** words) {
  const int rounds = count > 1 ? std::stoi(words[1]) : 20;
  { const Label warm{"topic", "warm"}; }
  fanlight::truth::wait_at_gate();
  std::uint64_t news = 0, sport = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t)
    threads.emplace_back([&, t] {
      std::uint64_t& slept = t == 0 ? news : sport;
      for (int round = 0; round < rounds; ++round) {
        {
          const Label topic{"topic", t == 0 ? "news" : "sport"};
          const TraceScope trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
          slept += sleep_for(10);
          spin_for(5);
        }
        sleep_for(5);
      }
    });
  // More sets of labels than one thread has room to time apart.
  threads.emplace_back([&] {
    for (int i = 0; i < 40; ++i) {
      const Label topic{"many", std::to_string(i)};
      sleep_for(3);
    }
  });
  for (std::thread& thread : threads) thread.join();
  std::printf("news %llu\nsport %llu\n", static_cast<unsigned long long>(news), static_cast<unsigned long long>(sport));
  std::fflush(stdout);
  char byte;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {}
  return 0;
}
