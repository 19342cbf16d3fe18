// Two threads that hand a byte to and fro through pipes: every hand-over is a switch, and each side's time is its own.
// Usage: switches SECONDS [pinned|migrate]. pinned: both on one CPU; migrate: each moves to the other CPU at every
// hand-over. One JSON line per thread: wall_ns, the scheduler's own sums before and after, and its count of switches.
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cinttypes>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <string_view>
#include <thread>

#include "tests/truth/gate.hpp"

namespace {

std::uint64_t now_ns() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

enum class Way { free, pinned, migrate };

void move_to(int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  if (::sched_setaffinity(0, sizeof one, &one) != 0) fanlight::truth::die("move to a CPU");
}

struct Side {
  const char* name;
  int in, out;
  bool begins;
};

void play(const Side& side, Way way, const std::array<int, 2>& cpus, std::uint64_t end_ns) {
  const std::uint64_t begin_ns = now_ns();
  if (way == Way::pinned) move_to(cpus[0]);
  char byte = 'x';
  std::uint64_t turns = 0;
  if (side.begins) (void)!::write(side.out, &byte, 1);
  while (byte != 'e' && ::read(side.in, &byte, 1) == 1) {
    if (way == Way::migrate) move_to(cpus[++turns % 2]);
    if (side.begins && now_ns() >= end_ns) byte = 'e';
    (void)!::write(side.out, &byte, 1);
  }
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  FILE* file = std::fopen("/proc/thread-self/schedstat", "r");
  std::uint64_t ran = 0, waited = 0;
  if (file == nullptr || std::fscanf(file, "%" SCNu64 " %" SCNu64, &ran, &waited) != 2)
    fanlight::truth::die("read /proc/thread-self/schedstat");
  std::fclose(file);
  std::printf(R"({"thread":"%s","tid":%ld,"wall_ns":%lu,"ran_ns":%lu,"waited_ns":%lu,"voluntary":%ld,"preempted":%ld})"
              "\n",
              side.name, ::syscall(SYS_gettid), now_ns() - begin_ns, ran, waited, usage.ru_nvcsw, usage.ru_nivcsw);
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 1;
  const std::string_view word = argc > 2 ? argv[2] : "";
  const Way way = word == "pinned" ? Way::pinned : word == "migrate" ? Way::migrate : Way::free;
  cpu_set_t allowed;
  ::sched_getaffinity(0, sizeof allowed, &allowed);
  std::array<int, 2> cpus{};
  int found = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE && found < 2; ++cpu)
    if (CPU_ISSET(cpu, &allowed)) cpus[static_cast<std::size_t>(found++)] = cpu;
  if (found < 2) cpus[1] = cpus[0];
  int ping[2], pong[2];
  if (::pipe(ping) != 0 || ::pipe(pong) != 0) fanlight::truth::die("make pipes");
  fanlight::truth::wait_at_gate();

  const std::uint64_t end_ns = now_ns() + static_cast<std::uint64_t>(seconds * 1e9);
  std::thread one(play, Side{"ping", pong[0], ping[1], true}, way, cpus, end_ns);
  std::thread other(play, Side{"pong", ping[0], pong[1], false}, way, cpus, end_ns);
  one.join();
  other.join();
  return 0;
}
