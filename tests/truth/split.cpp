// Spends its CPU time in two functions, 70 to 30. Usage: split [seconds]. Its own clock reads are the truth.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <ctime>

#include "tests/truth/gate.hpp"

#ifdef FANLIGHT_TRUTH_INPROCESS
#include "collector/inprocess/inprocess.hpp"
#endif

namespace {

std::uint64_t now_ns(clockid_t clock) {
  timespec now;
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

volatile std::uint64_t sink;

// Reading the thread's CPU clock is a system call: seldom enough that the time is spent here and not in the kernel.
[[gnu::always_inline]] inline std::uint64_t spin_until(std::uint64_t end_ns) {
  std::uint64_t now = 0;
  do {
    for (int i = 0; i < 20'000; ++i) sink = sink + static_cast<std::uint64_t>(i);
    now = now_ns(CLOCK_THREAD_CPUTIME_ID);
  } while (now < end_ns);
  return now;
}

}  // namespace

// Two bodies that differ, or the compiler would fold them into one.
[[gnu::noinline]] std::uint64_t hot_seventy(std::uint64_t end_ns) {
  const std::uint64_t now = spin_until(end_ns);
  sink = 70;
  return now;
}

[[gnu::noinline]] std::uint64_t warm_thirty(std::uint64_t end_ns) {
  const std::uint64_t now = spin_until(end_ns);
  sink = 30;
  return now;
}

int main(int argc, char** argv) {
  const double seconds = std::clamp(argc > 1 ? std::atof(argv[1]) : 5.0, 0.01, 3600.0);
#ifdef FANLIGHT_TRUTH_INPROCESS
  if (fanlight::inprocess::start({.hz = 99}) != 0) fanlight::truth::die("start the in-process sampler");
  const fanlight::inprocess::ThreadScope scope("split");
#endif
  fanlight::truth::wait_at_gate();

  const std::uint64_t end = now_ns(CLOCK_MONOTONIC) + static_cast<std::uint64_t>(seconds * 1e9);
  std::uint64_t hot = 0, warm = 0;
  std::uint64_t at = now_ns(CLOCK_THREAD_CPUTIME_ID);
  // A turn holds several samples, so that their shares follow the turn's and are no coin flips; and it is no multiple
  // of a sampling period, so that the remainders even out.
  constexpr std::uint64_t kTurnNs = 97'300'000;
  while (now_ns(CLOCK_MONOTONIC) < end) {
    const std::uint64_t whole = hot + warm + kTurnNs;
    std::uint64_t next = hot_seventy(at + whole * 7 / 10 - std::min(whole * 7 / 10, hot));
    hot += next - at;
    at = next;
    next = warm_thirty(at + whole * 3 / 10 - std::min(whole * 3 / 10, warm));
    warm += next - at;
    at = next;
  }
  std::printf(R"({"hot_ns":%lu,"warm_ns":%lu,"hot_share":%.4f})"
              "\n",
              hot, warm, static_cast<double>(hot) / static_cast<double>(hot + warm));
  return 0;
}
