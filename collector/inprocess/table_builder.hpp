// Makes unwind tables without a library to lean on. In: modules of this process. Out: filled memory that a signal
// handler may read at any moment.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bpf/unwind_tables.h"
#include "collector/inprocess/own_modules.hpp"
#include "collector/unwind/cfi_entry.hpp"

namespace fanlight::inprocess {

#define FANLIGHT_INPROCESS_CHUNKS 128u /* 8 million rows: a browser has 5 */
#define FANLIGHT_INPROCESS_PAGES 65536u

/// A module that was taken in once; the same library loaded again, elsewhere, uses its rows.
struct KnownModule {
  std::uint64_t identity = 0;
  std::uint64_t base = 0;
  std::uint32_t page = 0;
  std::uint32_t pages = 0;
};

/// Reserved, not used, until it is filled: 36 MB of addresses. What is published is only ever added to.
struct TableMemory {
  std::uint32_t list;  // how often a list was published; its lowest bit says which is in use
  std::uint32_t used_pages;
  std::uint32_t used_rules;  // number 0 is "none"
  std::uint32_t used_modules;
  std::uint64_t next_row;  // over all chunks
  std::uint64_t rows;
  KnownModule modules[FANLIGHT_UNWIND_MAPPINGS];
  fanlight_unwind_mappings mappings[2];
  fanlight_unwind_page pages[FANLIGHT_INPROCESS_PAGES];
  fanlight_unwind_rule rules[FANLIGHT_UNWIND_RULES];
  std::uint16_t rule_slots[2 * FANLIGHT_UNWIND_RULES];  // numbers by hash; 0: free
  fanlight_unwind_chunk chunks[FANLIGHT_INPROCESS_CHUNKS];
};

/// One pass over the modules. What finds no room has no rules. Threads: one at a time, walks meanwhile.
class TableBuilder {
 public:
  explicit TableBuilder(TableMemory& memory);
  void add(const OwnModule& module);
  /// From now on walks go by what was added in this pass.
  void publish();
  std::size_t bytes() const;

 private:
  struct Pending {
    std::uint64_t address = 0;
    std::uint16_t rule = 0;
    bool any = false;
  };

  KnownModule describe(const OwnModule& module, std::uint64_t identity);
  /// Looks for linkage tables in code that nothing describes, from one address to another.
  void add_linkage(const OwnModule& module, std::uint64_t from, std::uint64_t to);
  void put(std::uint64_t address, const unwind::Rule& rule);
  void flush();
  void open_page();
  void close_page();
  std::uint16_t number_of(const unwind::Rule& rule);

  TableMemory& memory_;
  fanlight_unwind_mappings& list_;
  // Of the module being described.
  bool full_ = false;
  std::uint64_t base_ = 0;
  std::uint64_t page_at_ = 0;   // address of the open page
  std::uint64_t page_row_ = 0;  // its first row
  std::uint32_t first_page_ = 0;
  bool open_ = false;
  std::uint16_t rule_ = 0;  // of the last row
  Pending pending_;
};

}  // namespace fanlight::inprocess
