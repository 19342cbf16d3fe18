#include "collector/inprocess/table_builder.hpp"

#include <algorithm>
#include <cstring>

#include "collector/unwind/linkage.hpp"

namespace fanlight::inprocess {
namespace {

constexpr std::uint64_t kPage = std::uint64_t{1} << FANLIGHT_UNWIND_PAGE_BITS;
constexpr std::uint64_t kRows = std::uint64_t{FANLIGHT_INPROCESS_CHUNKS} * FANLIGHT_UNWIND_CHUNK_ROWS;
constexpr std::uint32_t kSlots = 2 * FANLIGHT_UNWIND_RULES;

/// Source: FNV-1a, RFC draft-eastlake-fnv, a word at a time.
std::uint64_t hash_of(const void* bytes, std::size_t size, std::uint64_t hash = 0xcbf29ce484222325u) {
  const auto* at = static_cast<const unsigned char*>(bytes);
  for (; size >= 8; size -= 8, at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    hash = (hash ^ word) * 0x100000001b3u;
    hash ^= hash >> 29;
  }
  for (; size > 0; --size, ++at) hash = (hash ^ *at) * 0x100000001b3u;
  return hash;
}

bool is_code(const OwnModule& module, unwind::Range range) {
  for (std::size_t i = 0; i < module.codes; ++i)
    if (range.start >= module.code[i].start && range.end <= module.code[i].end) return true;
  return false;
}

/// The CIE last read: functions that lie together share one.
struct LastCie {
  std::uint64_t offset = ~std::uint64_t{0};
  std::optional<unwind::Cie> cie;
};

}  // namespace

TableBuilder::TableBuilder(TableMemory& memory) : memory_(memory), list_(memory.mappings[(memory.list + 1) & 1]) {
  list_.count = 0;
  memory_.used_rules = std::max(memory_.used_rules, 1u);
}

std::uint16_t TableBuilder::number_of(const unwind::Rule& rule) {
  if (rule == unwind::Rule{}) return 0;
  std::uint64_t slot = hash_of(&rule, sizeof rule);
  for (;; ++slot) {
    std::uint16_t& number = memory_.rule_slots[slot % kSlots];
    if (number != 0 && memory_.rules[number] == rule) return number;
    if (number != 0) continue;
    if (memory_.used_rules >= FANLIGHT_UNWIND_RULES) return 0;
    number = static_cast<std::uint16_t>(memory_.used_rules++);
    memory_.rules[number] = rule;
    return number;
  }
}

// Rows of a page never straddle chunks, and how many there are is known only at its end.
void TableBuilder::close_page() {
  std::uint64_t rows = memory_.next_row - page_row_;
  auto* const all = &memory_.chunks[0].rows[0];
  if (rows > 0 && page_row_ / FANLIGHT_UNWIND_CHUNK_ROWS != (memory_.next_row - 1) / FANLIGHT_UNWIND_CHUNK_ROWS) {
    const std::uint64_t moved = (page_row_ / FANLIGHT_UNWIND_CHUNK_ROWS + 1) * FANLIGHT_UNWIND_CHUNK_ROWS;
    if (moved + rows > kRows) {
      full_ = true;
      rows = 0;
    } else {
      std::memmove(all + moved, all + page_row_, rows * sizeof(std::uint32_t));
      page_row_ = moved;
      memory_.next_row = moved + rows;
    }
  }
  memory_.pages[memory_.used_pages] = {.first = static_cast<__u32>(page_row_), .rows = static_cast<__u32>(rows)};
  memory_.rows += rows;
  __atomic_store_n(&memory_.used_pages, memory_.used_pages + 1, __ATOMIC_RELEASE);
  open_ = false;
}

void TableBuilder::open_page() {
  page_row_ = memory_.next_row;
  open_ = true;
}

void TableBuilder::flush() {
  if (!pending_.any || full_) return;
  const Pending point = pending_;
  pending_.any = false;
  if (point.rule == rule_ && open_) return;
  if (!open_) {
    base_ = page_at_ = point.address & ~(kPage - 1);
    open_page();
  }
  const auto row = [&](std::uint64_t offset, std::uint16_t rule) {
    if (memory_.next_row >= kRows) {
      full_ = true;
      return;
    }
    (&memory_.chunks[0].rows[0])[memory_.next_row++] = static_cast<__u32>(offset << 16 | rule);
  };
  while (point.address - page_at_ >= kPage && !full_) {
    if (memory_.next_row == page_row_) row(0, rule_);
    if (memory_.used_pages + 1 >= FANLIGHT_INPROCESS_PAGES) full_ = true;
    close_page();
    page_at_ += kPage;
    open_page();
  }
  // Every page begins with a row at its first byte.
  if (memory_.next_row == page_row_ && point.address != page_at_) row(0, rule_);
  row(point.address - page_at_, point.rule);
  rule_ = point.rule;
}

void TableBuilder::put(std::uint64_t address, const unwind::Rule& rule) {
  if (pending_.any && pending_.address != address) flush();
  pending_ = {.address = address, .rule = number_of(rule), .any = true};
}

void TableBuilder::add_linkage(const OwnModule& module, std::uint64_t from, std::uint64_t to) {
  for (std::size_t i = 0; i < module.codes; ++i) {
    const ModuleCode& code = module.code[i];
    const std::uint64_t first = (std::max(from, code.start) + unwind::kLinkageEntry - 1) & ~(unwind::kLinkageEntry - 1);
    const std::uint64_t last = std::min({to, code.end, code.start + code.bytes.size()});
    bool open = false;
    for (std::uint64_t at = first; at < last && last - at >= unwind::kLinkageEntry && !full_;
         at += unwind::kLinkageEntry) {
      const std::uint8_t* const bytes = code.bytes.data() + (at - code.start);
      const auto rule =
          unwind::linkage_rule(std::span<const std::uint8_t, unwind::kLinkageEntry>(bytes, unwind::kLinkageEntry));
      if (rule || open) put(at, rule.value_or(unwind::Rule{}));
      open = rule.has_value();
      if (open) continue;
      const auto head = unwind::linkage_head({bytes, static_cast<std::size_t>(last - at)});
      if (!head) continue;
      for (std::size_t step = 0; step < head->count; ++step) put(at + head->steps[step].at, head->steps[step].rule);
      at += head->bytes - unwind::kLinkageEntry;
      open = true;
    }
    if (open) put(last & ~(unwind::kLinkageEntry - 1), unwind::Rule{});
  }
}

KnownModule TableBuilder::describe(const OwnModule& module, std::uint64_t identity) {
  KnownModule known{.identity = identity};
  const auto index = FunctionIndex::of(module);
  if (!index || memory_.used_pages + 1 >= FANLIGHT_INPROCESS_PAGES) return known;
  first_page_ = memory_.used_pages;
  full_ = open_ = false;
  rule_ = 0;
  pending_ = {};
  LastCie last;
  std::uint64_t described_to = 0;
  for (std::size_t i = 0; i < index->size() && !full_; ++i) {
    const auto record = unwind::read_record(module.section, index->description(i));
    if (!record || record->is_cie) continue;
    if (record->cie != last.offset) {
      const auto cie = unwind::read_record(module.section, record->cie);
      last = {.offset = record->cie, .cie = cie ? unwind::read_cie(*cie) : std::nullopt};
    }
    if (!last.cie) continue;
    const auto function = unwind::read_fde(record->body, module.section_address + record->offset, *last.cie);
    if (!function || function->range.start < described_to || !is_code(module, function->range)) continue;
    if (function->range.start > described_to) {
      if (described_to > 0) put(described_to, unwind::Rule{});
      add_linkage(module, described_to, function->range.start);
    }
    described_to = function->range.end;
    unwind::interpret(*last.cie, function->instructions, function->range,
                      [this](std::uint64_t address, const unwind::Rule& rule) { put(address, rule); });
  }
  if (described_to > 0) put(described_to, unwind::Rule{});
  add_linkage(module, described_to, ~std::uint64_t{0});
  flush();
  if (open_) close_page();
  if (full_) return known;
  known.base = base_;
  known.page = first_page_;
  known.pages = memory_.used_pages - first_page_;
  return known;
}

void TableBuilder::add(const OwnModule& module) {
  const auto header =
      module.section.subspan(static_cast<std::size_t>(module.header), static_cast<std::size_t>(module.header_bytes));
  const std::uint64_t identity =
      hash_of(module.code, module.codes * sizeof module.code[0], hash_of(header.data(), header.size()));
  const KnownModule* known = nullptr;
  for (std::uint32_t i = 0; i < memory_.used_modules; ++i)
    if (memory_.modules[i].identity == identity) known = &memory_.modules[i];
  KnownModule fresh;
  if (known == nullptr) {
    fresh = describe(module, identity);
    known = &fresh;
    if (memory_.used_modules < FANLIGHT_UNWIND_MAPPINGS) memory_.modules[memory_.used_modules++] = fresh;
  }
  for (std::size_t i = 0; i < module.codes && list_.count < FANLIGHT_UNWIND_MAPPINGS; ++i)
    list_.at[list_.count++] = {.start = module.bias + module.code[i].start,
                               .end = module.bias + module.code[i].end,
                               .origin = module.bias + known->base,
                               .page = known->page,
                               .pages = known->pages};
}

void TableBuilder::publish() {
  // The linker's list is in order of loading. An insertion sort: no library is at hand, and there are a few dozen.
  for (std::uint32_t i = 1; i < list_.count; ++i)
    for (std::uint32_t j = i; j > 0 && list_.at[j].start < list_.at[j - 1].start; --j)
      std::swap(list_.at[j], list_.at[j - 1]);
  if (list_.count == 0) list_.at[0] = {};
  ++list_.generation;
  __atomic_store_n(&memory_.list, memory_.list + 1, __ATOMIC_RELEASE);
}

std::size_t TableBuilder::bytes() const {
  return memory_.rows * sizeof(std::uint32_t) + memory_.used_pages * sizeof(fanlight_unwind_page) +
         memory_.used_rules * sizeof(fanlight_unwind_rule);
}

}  // namespace fanlight::inprocess
