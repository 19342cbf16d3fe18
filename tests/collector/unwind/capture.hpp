// Stacks as they were at one moment, so that any walker can be tried on them. In: a signal's context. Out: registers
// and a copy of the stack.
#pragma once

#include <signal.h>
#include <ucontext.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "collector/unwind/walk.hpp"

namespace fanlight::unwind::testing {

struct Captured {
  Registers registers;
  std::uint64_t stack_start = 0;
  std::vector<std::uint8_t> stack;

  bool read(void* into, std::size_t bytes, std::uint64_t address) const {
    if (address < stack_start || address - stack_start > stack.size() || bytes > stack.size() - (address - stack_start))
      return false;
    std::memcpy(into, stack.data() + (address - stack_start), bytes);
    return true;
  }
};

/// The kernel's order of registers is that of REG_*; ours is DWARF's.
inline Registers registers_of(const ucontext_t& context) {
  static constexpr int kOrder[16] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP,
                                     REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  Registers registers{.ip = static_cast<std::uint64_t>(context.uc_mcontext.gregs[REG_RIP])};
  for (int i = 0; i < 16; ++i) registers.general[i] = static_cast<std::uint64_t>(context.uc_mcontext.gregs[kOrder[i]]);
  return registers;
}

/// Copies what a signal interrupted, with the red zone below the stack pointer, up to `end` of the stack. Room for
/// `into.stack` must be there already: this runs in a signal handler.
inline void capture(const ucontext_t& context, std::uint64_t end, Captured& into) {
  into.registers = registers_of(context);
  into.stack_start = into.registers.general[7] - 128;
  const std::size_t bytes = end > into.stack_start ? end - into.stack_start : 0;
  into.stack.resize(bytes < into.stack.capacity() ? bytes : into.stack.capacity());
  const auto* from = reinterpret_cast<const volatile std::uint8_t*>(into.stack_start);
  for (std::size_t i = 0; i < into.stack.size(); ++i) into.stack[i] = from[i];
}

}  // namespace fanlight::unwind::testing
