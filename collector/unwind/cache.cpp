#include "collector/unwind/cache.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace fanlight::unwind {
namespace {

// Raised with each change of what the numbers mean.
constexpr std::string_view kKind = "unwind-1";

struct Head {
  std::uint64_t base = 0;
  std::uint64_t functions = 0;
  std::uint64_t malformed = 0;
  std::uint64_t unsupported = 0;
  std::uint64_t build_id = 0;  // bytes
  std::uint64_t segments = 0;  // entries
  std::uint64_t pages = 0;
  std::uint64_t rows = 0;
  std::uint64_t rules = 0;
};

template <class T>
void append(std::string& text, const std::vector<T>& values) {
  static_assert(std::is_trivially_copyable_v<T>);
  text.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

template <class T>
bool take(std::string_view& bytes, std::uint64_t count, std::vector<T>& values) {
  if (count > bytes.size() / sizeof(T)) return false;
  values.resize(count);
  if (count > 0) std::memcpy(values.data(), bytes.data(), count * sizeof(T));
  bytes.remove_prefix(count * sizeof(T));
  return true;
}

bool consistent(const Table& table) {
  if (table.rules.empty() || table.rules.size() > FANLIGHT_UNWIND_RULES || !(table.rules[0] == Rule{})) return false;
  const bool rules =
      std::ranges::all_of(table.rows, [&](std::uint32_t row) { return (row & 0xffff) < table.rules.size(); });
  const bool pages = std::ranges::all_of(table.pages, [&](const Page& page) {
    return page.count <= FANLIGHT_UNWIND_CHUNK_ROWS && page.first <= table.rows.size() &&
           page.count <= table.rows.size() - page.first;
  });
  return rules && pages;
}

}  // namespace

std::string serialise(const Table& table) {
  std::string body = table.build_id;
  append(body, table.segments);
  append(body, table.pages);
  append(body, table.rows);
  append(body, table.rules);
  const Head head{.base = table.base,
                  .functions = table.functions,
                  .malformed = table.malformed,
                  .unsupported = table.unsupported,
                  .build_id = table.build_id.size(),
                  .segments = table.segments.size(),
                  .pages = table.pages.size(),
                  .rows = table.rows.size(),
                  .rules = table.rules.size()};
  return std::string(reinterpret_cast<const char*>(&head), sizeof head) + body;
}

std::optional<Table> parse(std::string_view bytes) {
  Head head;
  if (bytes.size() < sizeof head) return std::nullopt;
  std::memcpy(&head, bytes.data(), sizeof head);
  bytes.remove_prefix(sizeof head);
  if (head.build_id > bytes.size()) return std::nullopt;
  Table table{.build_id = std::string(bytes.substr(0, head.build_id)),
              .base = head.base,
              .functions = head.functions,
              .malformed = head.malformed,
              .unsupported = head.unsupported};
  bytes.remove_prefix(head.build_id);
  if (!take(bytes, head.segments, table.segments) || !take(bytes, head.pages, table.pages) ||
      !take(bytes, head.rows, table.rows) || !take(bytes, head.rules, table.rules) || !bytes.empty() ||
      !consistent(table))
    return std::nullopt;
  return table;
}

std::optional<Table> Cache::load(const std::string& build_id) const {
  const auto bytes = disk_.load(kKind, build_id);
  auto table = bytes ? parse(*bytes) : std::nullopt;
  return table && table->build_id == build_id ? std::move(table) : std::nullopt;
}

void Cache::store(const Table& table) const { disk_.store(kKind, table.build_id, serialise(table)); }

}  // namespace fanlight::unwind
