// What this process itself uses. In: getrusage and /proc/self. Out: CPU time and memory.
#pragma once

#include <cstdint>

namespace fanlight::session {

struct OwnUsage {
  std::uint64_t cpu_ns = 0;          // user and system, all threads, since start
  std::uint64_t resident_bytes = 0;  // now
};

/// Source: getrusage(2), proc(5) statm. Never fails: what cannot be read is 0.
OwnUsage own_usage();

}  // namespace fanlight::session
