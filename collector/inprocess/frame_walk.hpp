// Following frame pointers on the calling thread's own stack. In: registers and the stack's end. Out: addresses.
#pragma once

#include <linux/types.h>
#include <ucontext.h>

#include <cstdint>

namespace fanlight::inprocess {

struct Registers {
  std::uint64_t pc = 0;
  std::uint64_t sp = 0;
  std::uint64_t fp = 0;
};

/// What a signal interrupted. Async-signal-safe.
inline Registers registers_of(const ucontext_t& context) {
#if defined(__x86_64__)
  return {static_cast<std::uint64_t>(context.uc_mcontext.gregs[REG_RIP]),
          static_cast<std::uint64_t>(context.uc_mcontext.gregs[REG_RSP]),
          static_cast<std::uint64_t>(context.uc_mcontext.gregs[REG_RBP])};
#elif defined(__aarch64__)
  return {context.uc_mcontext.pc, context.uc_mcontext.sp, context.uc_mcontext.regs[29]};
#else
#error "frame pointers are known for x86-64 and aarch64 only"
#endif
}

struct Walk {
  unsigned frames = 0;
  bool truncated = false;  // the stack was deeper than there was room
};

/// Writes up to `room` addresses, leaf first, all but the first return addresses. Reads memory only in
/// [registers.sp, stack_end), which is mapped while the thread runs on that stack; a frame must lie above the one it
/// returns from, so it ends on any garbage. On another stack (sp outside [stack_begin, stack_end)): the leaf alone.
/// Async-signal-safe. Cost: a few ns per frame.
[[gnu::no_sanitize("address", "thread", "undefined")]]
inline Walk walk_frame_pointers(const Registers& registers, std::uint64_t stack_begin, std::uint64_t stack_end,
                                __u64* addresses, unsigned room) {
  Walk walk;
  if (room == 0) return walk;
  addresses[walk.frames++] = registers.pc;
  if (registers.sp < stack_begin || registers.sp >= stack_end) return walk;
  std::uint64_t low = registers.sp;
  std::uint64_t frame = registers.fp;
  while (frame >= low && frame % 8 == 0 && frame <= stack_end - 16) {
    const auto* words = reinterpret_cast<const volatile std::uint64_t*>(frame);
    const std::uint64_t next = words[0];
    std::uint64_t return_address = words[1];
#if defined(__aarch64__)
    return_address &= (1ULL << 48) - 1;  // the upper bits may hold a pointer-authentication code
#endif
    // The lowest page is never mapped: such a value is the thread's end or no frame at all.
    if (return_address < 4096) break;
    if (walk.frames == room) {
      walk.truncated = true;
      break;
    }
    addresses[walk.frames++] = return_address;
    low = frame + 16;
    frame = next;
  }
  return walk;
}

}  // namespace fanlight::inprocess
