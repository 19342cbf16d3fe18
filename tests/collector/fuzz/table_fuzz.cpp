// Fuzzes what makes unwind tables, and the tables that come back from disk. Property: no number leads outside of its
// table, and walking by it ends.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>
#include <vector>

#include "collector/unwind/cache.hpp"
#include "collector/unwind/published.hpp"
#include "collector/unwind/table.hpp"
#include "collector/unwind/walk.hpp"

using namespace fanlight::unwind;

namespace {

void check(const Table& table) {
  for (const Page& page : table.pages) {
    if (page.first + std::uint64_t{page.count} > table.rows.size()) std::abort();
    for (std::uint32_t i = 0; i < page.count; ++i)
      if ((table.rows[page.first + i] & 0xffff) >= table.rules.size()) std::abort();
  }
}

void walk_in(const Table& table, std::span<const std::uint8_t> stack) {
  const Table* const one[] = {&table};
  const Capacity need = capacity_for(one);
  if (need.chunks > 16) return;
  std::vector<fanlight_unwind_chunk> chunks(need.chunks);
  std::vector<fanlight_unwind_page> pages(need.pages);
  std::vector<fanlight_unwind_rule> rules(need.rules);
  std::vector<fanlight_unwind_mappings> lists(2);
  const Arrays arrays{chunks, pages, rules, lists};
  Published published(arrays);
  const Placed placed = published.place(table);
  const MappedTable mapped{.start = 0x10000, .end = 0x7fff0000, .bias = 0x10000, .table = &placed};
  published.map({&mapped, 1});
  for (std::uint64_t ip = 0x10000; ip < 0x20000; ip += 0x333) {
    Registers registers{.ip = ip};
    for (auto& one_register : registers.general) one_register = 0x1000;
    walk(arrays, published.list(), registers, [&](void* into, std::size_t bytes, std::uint64_t address) {
      for (std::size_t i = 0; i < bytes; ++i)
        static_cast<std::uint8_t*>(into)[i] = stack.empty() ? 0 : stack[(address + i) % stack.size()];
      return address % 7 != 6;
    });
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(data, size);
  for (const Machine machine : {Machine::x86_64, Machine::arm64}) {
    const auto table = build_table(std::as_bytes(bytes), machine);
    if (!table) continue;
    check(*table);
    if (machine == Machine::x86_64) walk_in(*table, bytes);
  }
  if (const auto table = parse({reinterpret_cast<const char*>(data), size})) {
    check(*table);
    if (serialise(*table) != std::string_view(reinterpret_cast<const char*>(data), size)) std::abort();
  }
  return 0;
}
