// What an ELF file says about its functions. In: a descriptor or bytes, both hostile. Out: a table, segments, build-id.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collector/symbols/function_table.hpp"
#include "core/error.hpp"

namespace fanlight::symbols {

/// A PT_LOAD program header: where bytes of the file are in memory, before the module is moved to its load address.
struct Segment {
  std::uint64_t offset = 0;
  std::uint64_t file_size = 0;
  std::uint64_t address = 0;
  bool executable = false;
};

struct ElfFunctions {
  FunctionTable functions;  // by virtual address; empty when the file has no symbols
  std::vector<Segment> segments;
  std::string build_id;   // lower-case hexadecimal; empty when the file has none
  bool complete = false;  // from .symtab or .gnu_debugdata; false: from .dynsym, which lacks local functions
};

/// How to find out more about a file than it says itself.
struct DebugHints {
  std::string build_id;
  std::string link;            // .gnu_debuglink: a file's name, without a directory
  std::uint32_t link_crc = 0;  // of that file
  bool dwarf = false;          // it has .debug_info itself
};

/// Reads with pread, not mmap: a file that its owner truncates meanwhile must be an error, not a SIGBUS.
/// Errors: not ELF, not an executable or shared object, tables that lie outside the file. A file without symbols is no
/// error. A stripped file may carry the rest of its symbols packed, in .gnu_debugdata. Threads: any. Cost: reads the
/// symbol tables. Source: elf(5); GDB manual, "MiniDebugInfo".
Result<ElfFunctions> read_elf(int fd);
/// Only headers and notes. Errors: not ELF.
Result<DebugHints> read_debug_hints(int fd);
/// The same from memory, which is not changed.
Result<ElfFunctions> read_elf(std::span<const std::byte> image);

/// Where the byte at `offset` of the file is in memory, before relocation; empty when no segment loads it.
std::optional<std::uint64_t> address_of(const std::vector<Segment>& segments, std::uint64_t offset);

}  // namespace fanlight::symbols
