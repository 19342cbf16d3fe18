// Biased on purpose: half of its CPU time passes while it blocks the signal that the in-process sampler works by. Says
// "ready PID", waits to be let go, works for some seconds of CPU time, and goes.
#include <signal.h>
#include <time.h>

#include <cstdint>
#include <cstdio>
#include <thread>

#include "collector/inprocess/inprocess.hpp"
#include "tests/truth/gate.hpp"

namespace {

volatile std::uint64_t g_sink;

std::uint64_t cpu_ns() {
  timespec now;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

void spin(std::uint64_t ns) {
  const std::uint64_t end = cpu_ns() + ns;
  while (cpu_ns() < end)
    for (int i = 0; i < 20'000; ++i) g_sink = g_sink + 1;
}

}  // namespace

extern "C" [[gnu::noinline]] void open_work() {
  spin(40'000'000);
  g_sink = g_sink + 1;  // so that it is no jump
}

extern "C" [[gnu::noinline]] void closed_work() {
  spin(40'000'000);
  g_sink = g_sink + 1;
}

int main() {
  if (fanlight::inprocess::start({.hz = 199}) != 0) return 1;
  fanlight::truth::wait_at_gate();
  std::thread([] {
    const fanlight::inprocess::ThreadScope scope("biased");
    sigset_t prof;
    sigemptyset(&prof);
    sigaddset(&prof, SIGPROF);
    const std::uint64_t end = cpu_ns() + 3'000'000'000;
    while (cpu_ns() < end) {
      open_work();
      ::pthread_sigmask(SIG_BLOCK, &prof, nullptr);
      closed_work();
      ::pthread_sigmask(SIG_UNBLOCK, &prof, nullptr);
    }
  }).join();
  return 0;
}
