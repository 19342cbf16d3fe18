// The one clock that kernel and user space share: CLOCK_MONOTONIC, as `bpf_ktime_get_ns()` reads it.
#pragma once

#include <cstdint>
#include <ctime>

namespace fanlight {

/// Nanoseconds of CLOCK_MONOTONIC. Threads: any, async-signal-safe. Cost: tens of ns (vDSO).
inline std::uint64_t monotonic_ns() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace fanlight
