// The calling thread's own stack, walked as the kernel programs walk it. In: registers, the stack's ends. Out:
// addresses.
#pragma once

#include <ucontext.h>

#include <algorithm>
#include <cstdint>

#include "bpf/frames.h"

namespace fanlight::inprocess {

/// What a signal interrupted. Async-signal-safe.
inline fanlight_registers registers_of(const ucontext_t& context) {
  return {.ip = static_cast<__u64>(context.uc_mcontext.gregs[REG_RIP]),
          .sp = static_cast<__u64>(context.uc_mcontext.gregs[REG_RSP]),
          .bp = static_cast<__u64>(context.uc_mcontext.gregs[REG_RBP])};
}

/// Memory that may be read without fear of a fault: a thread's own stack, from its stack pointer up.
struct StackSpan {
  std::uint64_t sp = 0;
  std::uint64_t end = 0;  // exclusive
};

/// Sanitizers must not look: what is read here are other functions' frames, red zones included.
[[gnu::no_sanitize("address", "thread", "undefined")]]
inline long read_own_stack(void* context, fanlight_frame* into, __u64 address) {
  const auto* span = static_cast<const StackSpan*>(context);
  if (address < span->sp || address > span->end - sizeof *into || address % 8 != 0) return -1;
  const auto* words = reinterpret_cast<const volatile __u64*>(address);
  into->next_bp = words[0];
  into->return_address = words[1];
  return 0;
}

struct Walk {
  unsigned frames = 0;
  bool truncated = false;  // the stack was deeper than there was room
};

/// Writes up to `room` addresses, leaf first, all but the first return addresses. Reads memory only in
/// [registers.sp, stack_end), which is mapped while the thread runs on that stack. On another stack (sp outside
/// [stack_begin, stack_end)): the leaf alone. `code`: the executable's, see bpf/frames.h. Async-signal-safe, 1.4 KiB of
/// stack. Cost: a few ns per frame.
[[gnu::no_sanitize("address", "thread", "undefined")]]
inline Walk walk_stack(const fanlight_registers& registers, const fanlight_code& code, std::uint64_t stack_begin,
                       std::uint64_t stack_end, __u64* addresses, unsigned room) {
  if (room == 0) return {};
  if (registers.sp < stack_begin || registers.sp >= stack_end || stack_end - registers.sp < sizeof(fanlight_frame)) {
    addresses[0] = registers.ip;
    return {.frames = 1};
  }
  StackSpan span{.sp = registers.sp, .end = stack_end};
  fanlight_walk walk;
  const auto* words = reinterpret_cast<const volatile __u64*>(registers.sp);
  const bool have_top = registers.sp % 8 == 0 && stack_end - registers.sp >= sizeof walk.top;
  for (unsigned i = 0; have_top && i < FANLIGHT_TOP_WORDS; ++i) walk.top[i] = words[i];
  __u64 found[FANLIGHT_WALK_FRAMES];
  const unsigned frames =
      fanlight_walk_frames(read_own_stack, &span, &registers, &code, &walk, have_top, found, 0, FANLIGHT_WALK_FRAMES);
  std::copy_n(found, std::min(frames, room), addresses);
  return {.frames = std::min(frames, room), .truncated = frames > room || frames == FANLIGHT_WALK_FRAMES};
}

}  // namespace fanlight::inprocess
