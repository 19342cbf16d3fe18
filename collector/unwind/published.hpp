// The tables of one target as the walker reads them: a few plain arrays, whose memory may be the kernel's. In: tables
// of files, and where they are mapped. Out: the arrays, filled so that a walk at any moment finds whole rules.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "bpf/unwind_tables.h"
#include "collector/unwind/table.hpp"

namespace fanlight::unwind {

/// Where the arrays lie. Each process has a slot of two lists of mappings: one is in use while the other is written.
struct Arrays {
  std::span<fanlight_unwind_chunk> chunks;
  std::span<fanlight_unwind_page> pages;
  std::span<fanlight_unwind_rule> rules;
  std::span<fanlight_unwind_mappings> mappings;  // 2 for each slot
};

/// How much the arrays must hold.
struct Capacity {
  std::size_t chunks = 0;
  std::size_t pages = 0;
  std::size_t rules = 0;
};

/// A table and its place in the arrays.
struct Placed {
  std::uint32_t page = 0;   // of the first one
  std::uint32_t pages = 0;  // 0: it is in no array, being empty or for want of room
  std::uint64_t base = 0;   // virtual address at which the first page begins
};

struct MappedTable {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t bias = 0;         // what a virtual address of the file is moved by
  const Placed* table = nullptr;  // null: no rules
};

/// Appends tables, never changes what is in use, and switches lists of mappings with one store. Threads: one; walks at
/// any time. Cost: a copy.
class Published {
 public:
  explicit Published(Arrays arrays);

  /// Puts a table into the arrays. What does not fit is counted and has no rules.
  Placed place(const Table& table);
  /// From now on walks go by these, sorted by address, without overlaps. More than the list holds are cut and counted.
  void map(std::span<const MappedTable> mapped, std::size_t slot = 0);
  /// Which list of the slot is in use: hand it to the walker.
  std::uint32_t list(std::size_t slot = 0) const { return lists_[slot]; }
  std::size_t slots() const { return lists_.size(); }

  std::uint64_t rows() const { return rows_; }
  std::uint64_t rules() const { return numbers_.size(); }
  std::uint64_t pages() const { return pages_; }
  std::uint64_t refused_tables() const { return refused_tables_; }
  std::uint64_t refused_mappings() const { return refused_mappings_; }

 private:
  std::uint16_t number_of(const Rule& rule);

  Arrays arrays_;
  std::unordered_map<Rule, std::uint16_t, RuleHash> numbers_;
  std::size_t next_row_ = 0;  // over all chunks
  std::size_t pages_ = 0;
  std::uint64_t rows_ = 0;
  std::vector<std::uint32_t> lists_;  // in use, by slot
  std::uint32_t generation_ = 0;
  std::uint64_t refused_tables_ = 0;
  std::uint64_t refused_mappings_ = 0;
};

/// What these tables need, each once.
Capacity capacity_for(std::span<const Table* const> tables);

}  // namespace fanlight::unwind
