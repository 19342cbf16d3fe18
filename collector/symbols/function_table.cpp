#include "collector/symbols/function_table.hpp"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

namespace fanlight::symbols {
namespace {

constexpr std::uint64_t kNoEnd = std::numeric_limits<std::uint64_t>::max();
// Measured names of template-heavy servers end below 8 KiB; the bound keeps a file without NULs from being searched
// from end to end once per symbol.
constexpr std::size_t kMaxNameBytes = 16 * 1024;

std::uint64_t end_of(const Function& function) {
  return function.size > kNoEnd - function.start ? kNoEnd : function.start + function.size;
}

/// "_Z" is how C++ begins a name, not an underscore that hides one.
std::size_t leading_underscores(std::string_view name) {
  return name.starts_with("_Z") ? 0 : std::min(name.find_first_not_of('_'), name.size());
}

}  // namespace

std::string_view FunctionTable::name_at(std::uint32_t offset) const {
  if (offset >= text_.size()) return {};
  const std::string_view rest = std::string_view(text_).substr(offset, kMaxNameBytes);
  const std::size_t end = rest.find('\0');
  return end == std::string_view::npos ? std::string_view{} : rest.substr(0, end);
}

FunctionTable::FunctionTable(std::vector<Function> functions, std::string text) : text_(std::move(text)) {
  std::erase_if(functions, [&](const Function& f) { return name_at(f.name).empty(); });
  const auto rank = [&](const Function& f) {
    const std::string_view name = name_at(f.name);
    return std::tuple(f.size == 0, !f.typed, leading_underscores(name), f.binding_rank, name.size(), name);
  };
  std::ranges::sort(functions, [&](const Function& a, const Function& b) {
    if (a.start != b.start) return a.start < b.start;
    return rank(a) < rank(b);
  });
  // Aliases may disagree about the size; the best name gets the widest.
  std::vector<Function> chosen;
  for (const Function& function : functions) {
    if (chosen.empty() || chosen.back().start != function.start)
      chosen.push_back(function);
    else if (function.typed)
      chosen.back().size = std::max(chosen.back().size, function.size);
  }

  // One sweep with the functions that are still open, innermost last. Assembly nests sized symbols in each other
  // (`__write_nocancel` within `__write`), so after an inner one ends its outer one goes on.
  std::vector<std::pair<std::uint64_t, std::uint32_t>> open;  // end, name
  const auto begin_range = [&](std::uint64_t start, std::uint32_t name, bool covered) {
    if (!ranges_.empty() && ranges_.back().start == start) ranges_.pop_back();
    ranges_.push_back({start, name, covered});
  };
  const auto close_until = [&](std::uint64_t address) {
    while (!open.empty() && open.back().first <= address) {
      const std::uint64_t end = open.back().first;
      while (!open.empty() && open.back().first <= end) open.pop_back();
      begin_range(end, open.empty() ? 0 : open.back().second, !open.empty());
    }
  };
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const Function& function = chosen[i];
    close_until(function.start);
    if (!open.empty() && (function.size == 0 || !function.typed)) continue;
    std::uint64_t end = end_of(function);
    if (function.size == 0) {
      const std::uint64_t next = i + 1 < chosen.size() ? chosen[i + 1].start : kNoEnd;
      end = std::max(function.start, std::min(next, function.limit));
    }
    begin_range(function.start, function.name, true);
    open.emplace_back(end, function.name);
  }
  close_until(kNoEnd);
}

std::string_view FunctionTable::find(std::uint64_t address) const {
  const auto after = std::ranges::upper_bound(ranges_, address, {}, &Range::start);
  if (after == ranges_.begin()) return {};
  const Range& range = *std::prev(after);
  return range.covered ? name_at(range.name) : std::string_view{};
}

}  // namespace fanlight::symbols
