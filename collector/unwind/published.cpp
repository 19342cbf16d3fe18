#include "collector/unwind/published.hpp"

#include <algorithm>
#include <atomic>

namespace fanlight::unwind {
namespace {

constexpr std::size_t kChunk = FANLIGHT_UNWIND_CHUNK_ROWS;
constexpr std::uint64_t kHighest = std::uint64_t{1} << 47;  // bpf/unwind.h, FANLIGHT_UNWIND_HIGHEST

/// Rows of a page never straddle chunks.
std::size_t place_of_page(std::size_t next_row, std::size_t count) {
  const std::size_t left = kChunk - next_row % kChunk;
  return count > left ? next_row + left : next_row;
}

}  // namespace

Published::Published(Arrays arrays) : arrays_(arrays), lists_(arrays.mappings.size() / 2) {
  for (std::size_t slot = 0; slot < lists_.size(); ++slot) lists_[slot] = static_cast<std::uint32_t>(2 * slot);
  number_of(Rule{});
  for (fanlight_unwind_mappings& list : arrays_.mappings) list.count = 0;
}

std::uint16_t Published::number_of(const Rule& rule) {
  const auto known = numbers_.find(rule);
  if (known != numbers_.end()) return known->second;
  const auto number = static_cast<std::uint16_t>(numbers_.size());
  arrays_.rules[number] = rule;
  numbers_.emplace(rule, number);
  return number;
}

Placed Published::place(const Table& table) {
  if (table.pages.empty()) return {};
  std::size_t end = next_row_;
  for (const Page& page : table.pages) end = place_of_page(end, page.count) + page.count;
  const std::size_t rules = std::min<std::size_t>(arrays_.rules.size(), FANLIGHT_UNWIND_RULES);
  if (end > arrays_.chunks.size() * kChunk || table.pages.size() > arrays_.pages.size() - pages_ ||
      numbers_.size() + table.rules.size() > rules) {
    ++refused_tables_;
    return {};
  }
  std::vector<std::uint16_t> numbers;
  numbers.reserve(table.rules.size());
  for (const Rule& rule : table.rules) numbers.push_back(number_of(rule));
  const Placed placed{.page = static_cast<std::uint32_t>(pages_),
                      .pages = static_cast<std::uint32_t>(table.pages.size()),
                      .base = table.base};
  for (const Page& page : table.pages) {
    next_row_ = place_of_page(next_row_, page.count);
    const std::size_t first = next_row_;
    for (std::uint32_t i = 0; i < page.count; ++i, ++next_row_) {
      const std::uint32_t row = table.rows[page.first + i];
      arrays_.chunks[next_row_ / kChunk].rows[next_row_ % kChunk] = (row & 0xffff0000) | numbers[row & 0xffff];
    }
    arrays_.pages[pages_++] = {.first = static_cast<std::uint32_t>(first), .rows = page.count};
    rows_ += page.count;
  }
  return placed;
}

void Published::map(std::span<const MappedTable> mapped, std::size_t slot) {
  const std::uint32_t other = lists_[slot] ^ 1;
  fanlight_unwind_mappings& list = arrays_.mappings[other];
  // [vsyscall] lies in the kernel's half, which the search by signed difference would take for the lowest.
  while (!mapped.empty() && mapped.back().start >= kHighest) mapped = mapped.first(mapped.size() - 1);
  if (mapped.size() > FANLIGHT_UNWIND_MAPPINGS) {
    refused_mappings_ += mapped.size() - FANLIGHT_UNWIND_MAPPINGS;
    mapped = mapped.first(FANLIGHT_UNWIND_MAPPINGS);
  }
  for (std::size_t i = 0; i < mapped.size(); ++i) {
    const MappedTable& one = mapped[i];
    const bool rules = one.table != nullptr && one.table->pages > 0;
    list.at[i] = {.start = one.start,
                  .end = one.end,
                  .origin = rules ? one.bias + one.table->base : one.start,
                  .page = rules ? one.table->page : 0,
                  .pages = rules ? one.table->pages : 0};
  }
  // A search among none ends at the first.
  if (mapped.empty()) list.at[0] = {};
  list.count = static_cast<std::uint32_t>(mapped.size());
  list.generation = ++generation_;
  // Whoever is told the number of this list must find all of it.
  std::atomic_thread_fence(std::memory_order_release);
  lists_[slot] = other;
}

Capacity capacity_for(std::span<const Table* const> tables) {
  Capacity capacity{.rules = 1};
  std::size_t rows = 0;
  for (const Table* table : tables) {
    for (const Page& page : table->pages) rows = place_of_page(rows, page.count) + page.count;
    capacity.pages += table->pages.size();
    capacity.rules += table->rules.size();
  }
  capacity.chunks = (rows + kChunk - 1) / kChunk;
  return capacity;
}

}  // namespace fanlight::unwind
