// Interprets the instructions of call-frame information. In: the bytes of a CIE and an FDE, both hostile. Out: a rule
// for each stretch of code.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "collector/unwind/bytes.hpp"
#include "collector/unwind/rule.hpp"

namespace fanlight::unwind {

/// What all functions of one CIE share.
struct Cie {
  std::uint64_t code_alignment = 1;
  std::int64_t data_alignment = -8;
  std::uint64_t return_register = 16;
  Encoding encoding;    // of addresses in its FDEs
  bool signal = false;  // the frames are the kernel's
  bool sized_augmentation = false;
  std::span<const std::uint8_t> instructions;
};

struct Range {
  std::uint64_t start = 0;  // virtual address, before relocation
  std::uint64_t end = 0;    // exclusive
};

/// Calls `use(address, rule)` for each address of `range` from which on another rule holds, the first being its start;
/// addresses ascend. Returns false when the instructions are malformed: what came before the fault stands, and the
/// rest of the range has no rule. Cost: O(bytes), at most one call per two bytes. Source: DWARF 5, 6.4.2;
/// Linux Standard Base Core 5.0, 10.6 for what GNU adds.
bool interpret(const Cie& cie, std::span<const std::uint8_t> instructions, Range range,
               const std::function<void(std::uint64_t, const Rule&)>& use);

}  // namespace fanlight::unwind
