// The walker of bpf/unwind.h outside of the kernel. In: registers, tables, a way to read memory. Out: addresses.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "collector/unwind/published.hpp"

namespace fanlight::unwind {

struct Registers {
  std::uint64_t ip = 0;
  std::uint64_t general[16] = {};  // by DWARF number: rax rdx rcx rbx rsi rdi rbp rsp r8 ... r15
};

struct WalkedFrame {
  std::uint64_t address = 0;
  fanlight_found found = FANLIGHT_FOUND_REGISTERS;
};

struct Walked {
  std::vector<WalkedFrame> frames;  // leaf first; all but those found in registers are return addresses
  fanlight_unwind_stop stop = FANLIGHT_STOP_NOT;
};

/// Copies that many bytes from the thread's memory; false when not all can be read.
using ReadMemory = std::function<bool(void* into, std::size_t bytes, std::uint64_t address)>;

/// The stack of a thread that stands at `registers`, at most `room` frames. Tables whose numbers make no sense are
/// survived. Threads: any. Cost: 0.1 us per frame.
Walked walk(const Arrays& arrays, std::uint32_t list, const Registers& registers, const ReadMemory& read,
            std::size_t room = 512);

}  // namespace fanlight::unwind
