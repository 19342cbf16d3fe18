// One stack as a sampler saw it, before anything is named or interned. Made by the samplers, taken in by `session`.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/state.hpp"

namespace fanlight {

/// Who took the sample. Stored in recordings: append, never renumber.
enum class Sampler : std::uint8_t {
  kernel_cpu = 0,          // perf_event on cpu-clock; weight: ns of CPU time
  kernel_blocked = 1,      // visit of a thread that is not running; weight: ns that this visit stands for
  socket_write = 2,        // a write to a socket; weight: bytes; count: writes it stands for
  map_operation = 3,       // a map operation; weight: ns; count: operations it stands for
  inprocess_cpu = 4,       // the signal sampler inside the target; weight: ns of CPU time
  registry_operation = 5,  // an operation on a registry of the target; weight: ns; count: operations it stands for
  wakeup = 6,      // a wake-up, with the waker's stack; weight: ns that the woken thread had waited; count: wake-ups
  page_fault = 7,  // a page fault; weight and count: faults it stands for
};
inline constexpr std::size_t kSamplers = 8;

/// False for those that sample events: their counts are of events, not of samples.
constexpr bool samples_time(Sampler sampler) {
  return sampler == Sampler::kernel_cpu || sampler == Sampler::kernel_blocked || sampler == Sampler::inprocess_cpu;
}

/// As the ledger calls them: "on-cpu samples".
std::string_view name_of(Sampler sampler);

/// How an address of a user stack was found. The numbers are those of bpf/unwind_tables.h. Stored in recordings.
enum class FrameFound : std::uint8_t {
  registers = 0,      // the instruction pointer: the leaf, or what a signal interrupted
  eh_frame = 1,       // by a rule of .eh_frame
  frame_pointer = 2,  // by the chain of frame pointers
  scan = 3,           // the first word on the stack that points into code
  untold = 15,        // not of the walk: frames of the kernel, markers, other tools' files
};
inline constexpr std::size_t kFrameFounds = 16;

/// In words, for people: ".eh_frame"; empty for `untold` and for numbers that have no meaning.
std::string_view name_of(FrameFound found);

/// Why a user stack ends where it ends. The numbers are those of bpf/unwind_tables.h.
enum class StackEnd : std::uint8_t {
  unknown = 0,
  entry = 1,          // the thread's entry was reached
  room = 2,           // more frames than a record holds
  no_mapping = 3,     // an address outside of all executable memory that is known
  no_rule = 4,        // code without a rule, and no frame pointer to go by
  unreadable = 5,     // the stack could not be read
  not_upward = 6,     // the caller's frame would lie below its callee's
  bad_address = 7,    // a return address that is none
  unsupported = 8,    // a rule that cannot be followed
  frame_pointer = 9,  // the chain of frame pointers ended, be it at the entry or before
  no_stack = 10,      // a thread of the kernel
};
inline constexpr std::size_t kStackEnds = 11;

/// In words, for people: "no unwind rule".
std::string_view name_of(StackEnd end);

/// True when callers are known to be missing.
constexpr bool is_cut(StackEnd end) { return end >= StackEnd::room && end <= StackEnd::unsupported; }

struct RawSample {
  Sampler sampler = Sampler::kernel_cpu;
  Reason reason = Reason::running;
  pid_t tid = 0;                            // as the collector's PID namespace numbers it
  pid_t pid = 0;                            // its process, likewise; 0: the only one
  std::uint64_t time_ns = 0;                // CLOCK_MONOTONIC
  std::uint64_t weight = 0;                 // unit: see Sampler
  pid_t waker = 0;                          // Sampler::wakeup: who woke the thread, likewise; 0: an interrupt
  std::uint64_t lock = 0;                   // address of the futex that the thread waits for; 0: none
  std::uint64_t count = 1;                  // events that this sample stands for
  std::vector<std::uint64_t> kernel_stack;  // addresses, leaf first
  std::vector<std::uint64_t> user_stack;    // addresses, leaf first; all but the first are return addresses
  std::vector<FrameFound> user_found;       // as user_stack; empty: not told
  StackEnd end = StackEnd::unknown;
  bool truncated = false;             // the user stack was longer than the record
  bool woke = false;                  // a visit found it waiting, and it ran before its stack was read: there is none
  std::uint32_t label_set = 0;        // kernel samplers: number of the thread's set of labels; 0: none
  std::vector<std::byte> attributes;  // other samplers: the set itself, as a record of OTEP-4947 has it
  std::array<std::uint8_t, 16> trace_id{};  // W3C; all zero: none
};

}  // namespace fanlight
