// A process with children: some go on as copies, one becomes another program, one does so from a thread that is not its
// first. Usage: family gate|go|spin MS. gate: waits to be let go; go: does not; spin: what the others become.
// Each prints one JSON line with the CPU time that it spun for by its own clock.
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <ctime>
#include <string_view>
#include <thread>

#include "tests/truth/gate.hpp"

namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr const char* kSpin = "120";

std::uint64_t cpu_ns() {
  timespec now;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

/// Its own function, so that a stack can be asked for it.
[[gnu::noinline]] void spin_for(std::uint64_t ns) {
  const std::uint64_t end = cpu_ns() + ns;
  while (cpu_ns() < end) {}
}

void spin(const char* role, const char* ms) {
  const std::uint64_t begin = cpu_ns();
  spin_for(static_cast<std::uint64_t>(std::atoi(ms)) * kMs);
  std::printf(R"({"role":"%s","pid":%d,"spun_ns":%lu})"
              "\n",
              role, static_cast<int>(::getpid()), cpu_ns() - begin);
  std::fflush(stdout);
}

void become_spinner(const char* self, const char* role) {
  ::execl(self, self, "spin", kSpin, role, static_cast<char*>(nullptr));
  fanlight::truth::die("exec");
}

template <class Life>
void in_a_child(Life life) {
  const pid_t child = ::fork();
  if (child < 0) fanlight::truth::die("fork");
  if (child == 0) {
    life();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view way = argc > 1 ? argv[1] : "go";
  if (way == "spin") {
    ::prctl(PR_SET_NAME, "spinner");
    spin(argc > 3 ? argv[3] : "spin", argc > 2 ? argv[2] : kSpin);
    return 0;
  }
  if (way == "gate") fanlight::truth::wait_at_gate();
  spin("parent", kSpin);
  in_a_child([] { spin("copy", kSpin); });
  in_a_child([] { std::thread([] { spin("thread-of-copy", kSpin); }).join(); });
  in_a_child([&] { become_spinner("/proc/self/exe", "exec"); });
  in_a_child([&] {
    std::thread([&] {
      ::pthread_setname_np(::pthread_self(), "changer");
      become_spinner("/proc/self/exe", "exec-by-thread");
    }).join();
  });
  if (way == "become") become_spinner("/proc/self/exe", "parent-exec");
  return 0;
}
