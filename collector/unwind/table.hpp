// The unwind table of one file. In: an ELF file, hostile. Out: rules, rows in pages of 64 KiB of code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "collector/unwind/rule.hpp"
#include "core/error.hpp"

namespace fanlight::unwind {

/// Where bytes of the file are in memory, before the module is moved to its load address; executable ones only.
struct CodeSegment {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t address = 0;
  bool operator==(const CodeSegment&) const = default;
};

/// What a page's rows are: `count` of them from `first` on. None: nothing is known of that page.
struct Page {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  bool operator==(const Page&) const = default;
};

/// As in bpf/unwind_tables.h, but for one file: rule numbers index `rules`, of which number 0 is "none".
struct Table {
  std::string build_id;  // lower-case hexadecimal; empty when the file has none
  std::vector<CodeSegment> segments;
  std::uint64_t base = 0;  // virtual address at which the first page begins
  std::vector<Page> pages;
  std::vector<std::uint32_t> rows;
  std::vector<Rule> rules{Rule{}};
  std::uint64_t functions = 0;
  std::uint64_t malformed = 0;    // entries that were left out
  std::uint64_t unsupported = 0;  // rows that the walker cannot follow
  bool operator==(const Table&) const = default;

  std::size_t bytes() const {
    return rows.size() * sizeof rows[0] + pages.size() * sizeof pages[0] + rules.size() * sizeof rules[0];
  }
  /// The rule for a virtual address of the file.
  const Rule& rule_at(std::uint64_t address) const;
};

/// What identifies the file and where its code is; `rows` and `rules` stay empty. Errors: not ELF for x86-64. Cost:
/// reads headers and notes.
Result<Table> read_identity(int fd);

/// Everything. Reads with pread: a file that its owner truncates meanwhile is an error, not a SIGBUS. Errors: not ELF
/// for x86-64. A file without call-frame information gives no rows, which is no error. Threads: any. Cost: O(size of
/// .eh_frame), 0.1 s for a binary of 100 MB.
Result<Table> build_table(int fd);
/// The same from memory, which is not changed, of another machine if need be. Errors: not ELF for that machine.
Result<Table> build_table(std::span<const std::byte> image, Machine machine = Machine::x86_64);

}  // namespace fanlight::unwind
