// One stack as a sampler saw it, before anything is named or interned. Made by the samplers, taken in by `session`.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "core/state.hpp"

namespace fanlight {

/// Who took the sample. Stored in recordings: append, never renumber.
enum class Sampler : std::uint8_t {
  kernel_cpu = 0,      // perf_event on cpu-clock; weight: ns of CPU time
  kernel_blocked = 1,  // visit of a thread that is not running; weight: ns that this visit stands for
  socket_write = 2,    // a write to a socket; weight: bytes; count: writes it stands for
  map_operation = 3,   // a map operation; weight: ns; count: operations it stands for
  inprocess_cpu = 4,   // the signal sampler inside the target; weight: ns of CPU time
};

struct RawSample {
  Sampler sampler = Sampler::kernel_cpu;
  Reason reason = Reason::running;
  pid_t tid = 0;                            // as the collector's PID namespace numbers it
  std::uint64_t time_ns = 0;                // CLOCK_MONOTONIC
  std::uint64_t weight = 0;                 // unit: see Sampler
  std::uint64_t count = 1;                  // events that this sample stands for
  std::vector<std::uint64_t> kernel_stack;  // addresses, leaf first
  std::vector<std::uint64_t> user_stack;    // addresses, leaf first; all but the first are return addresses
  bool truncated = false;                   // the user stack was longer than the record
};

}  // namespace fanlight
