// All functions that a section of call-frame information describes. In: the bytes of .eh_frame or .debug_frame,
// hostile. Out: their CIE, address range and instructions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "collector/unwind/cfi_program.hpp"

namespace fanlight::unwind {

struct Fde {
  Range range;
  std::uint32_t cie = 0;  // index into Cfi::cies
  std::span<const std::uint8_t> instructions;
};

/// Refers to the bytes it was read from.
struct Cfi {
  std::vector<Cie> cies;
  std::vector<Fde> fdes;        // in order of address
  std::uint64_t malformed = 0;  // entries that were skipped
};

enum class CfiKind : std::uint8_t { eh_frame, debug_frame };

/// `address`: where the section lies in memory before relocation; `identity`: the first EI_NIDENT bytes of the file.
/// Entries that make no sense are skipped and counted; a length that makes none ends the reading. At most 4 million
/// entries. Cost: O(bytes). Source: DWARF 5, 6.4.1; Linux Standard Base Core 5.0, 10.6.
Cfi read_cfi(std::span<const std::uint8_t> section, std::uint64_t address, CfiKind kind,
             std::span<const std::uint8_t> identity);

}  // namespace fanlight::unwind
