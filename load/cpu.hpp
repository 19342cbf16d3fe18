// What the calling thread has used of a core.
#pragma once

#include <cstdint>
#include <ctime>

namespace fanlight::load {

/// ns of CPU time, user and kernel. Threads: any. Cost: a system call.
inline std::uint64_t thread_cpu_ns() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(used.tv_nsec);
}

}  // namespace fanlight::load
