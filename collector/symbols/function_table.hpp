// Which function covers an address. In: symbols as a file lists them, in any order, overlapping. Out: one name each.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fanlight::symbols {

struct Function {
  std::uint64_t start = 0;
  std::uint64_t size = 0;         // 0: unknown, reaches to the next function or to `limit`
  std::uint64_t limit = ~0ull;    // where a function of unknown size ends at the latest: its section's end
  std::uint32_t name = 0;         // offset of a NUL-terminated name within the table's text
  bool typed = true;              // false: a bare label (STT_NOTYPE), which never splits a function
  std::uint8_t binding_rank = 0;  // 0 global, 1 weak, 2 local: the lower the better for display
};

/// Non-overlapping ranges, each owned by the function that starts last among those that cover it.
/// Threads: const, any. Cost: O(n log n) to build, O(log n) to look up; 16 bytes a range plus the text of the names.
class FunctionTable {
 public:
  FunctionTable() = default;
  /// A name that lies outside `text`, or is not terminated within it, is empty and its function dropped.
  /// Of several functions at one address the one with a size, a type, the fewest leading underscores and the
  /// most visible binding is kept, since `write` says more than `__GI___libc_write`.
  FunctionTable(std::vector<Function> functions, std::string text);

  /// The name as the file spells it; empty when nothing covers `address`.
  std::string_view find(std::uint64_t address) const;
  bool empty() const { return ranges_.empty(); }
  std::size_t size() const { return ranges_.size(); }

 private:
  struct Range {
    std::uint64_t start = 0;
    std::uint32_t name = 0;
    bool covered = false;  // false: a gap from `start` to the next range
  };
  std::string_view name_at(std::uint32_t offset) const;

  std::vector<Range> ranges_;
  std::string text_;
};

}  // namespace fanlight::symbols
