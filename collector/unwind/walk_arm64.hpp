// The walker for stacks of arm64 programs, such as were recorded elsewhere. In: registers, tables, a way to read
// memory. Out: addresses.
#pragma once

#include "collector/unwind/walk.hpp"

namespace fanlight::unwind {

struct Arm64Registers {
  std::uint64_t pc = 0;
  std::uint64_t general[32] = {};  // x0 ... x30, sp
};

/// As `walk` for x86-64; the tables must be of arm64 files.
Walked walk(const Arrays& arrays, std::uint32_t list, const Arm64Registers& registers, const ReadMemory& read,
            std::size_t room = 512);

}  // namespace fanlight::unwind
