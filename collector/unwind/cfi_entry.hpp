// The records of call-frame information. In: the bytes of .eh_frame, hostile. Out: what a CIE or an FDE says. Needs
// nothing but libc, so that it runs in targets as well.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "collector/unwind/cfi_program.hpp"

namespace fanlight::unwind {

/// Reads what `letters` ("zPLR", NUL-terminated or not) announce out of `data` into `cie`. False: a letter that is not
/// known, or too few bytes. Source: Linux Standard Base Core 5.0, 10.6.1.1.1: 'z' sizes the data; then a letter for
/// each piece of it.
bool read_augmentation(std::span<const std::uint8_t> letters, std::span<const std::uint8_t> data, Cie& cie);

/// The record at `offset` of `section`, from its length on.
struct CfiRecord {
  std::uint64_t offset = 0;  // of the record's first field behind length and id
  std::uint64_t cie = 0;     // offset of its CIE's record; an FDE
  bool is_cie = false;
  std::span<const std::uint8_t> body;  // what follows the id
};
/// Empty: the end mark, or a length that makes no sense. Source: as above, 10.6.1.
std::optional<CfiRecord> read_record(std::span<const std::uint8_t> section, std::uint64_t offset);

/// Empty: an unknown version or augmentation.
std::optional<Cie> read_cie(const CfiRecord& record);

/// What an FDE describes, and by which instructions.
struct CfiFunction {
  Range range;
  std::span<const std::uint8_t> instructions;
};
/// `address`: where `record.offset` lies in memory before relocation; the addresses come out alike.
std::optional<CfiFunction> read_fde(std::span<const std::uint8_t> body, std::uint64_t address, const Cie& cie);

}  // namespace fanlight::unwind
