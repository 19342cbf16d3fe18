#include "collector/symbols/kernel_symbols.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "collector/process/proc_text.hpp"

namespace fanlight::symbols {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{128} << 20;
// kallsyms has no sizes. No function is this long, so an address further from a symbol lies in something unlisted.
constexpr std::uint64_t kLongestFunction = 1u << 20;

}  // namespace

Result<FunctionTable> read_kernel_symbols(const std::filesystem::path& root) {
  const auto text = process::read_text(root / "proc/kallsyms", kMaxBytes);
  if (!text) return within("kernel symbols", text.error());
  return parse_kernel_symbols(*text);
}

Result<FunctionTable> parse_kernel_symbols(std::string_view text) {
  std::vector<Function> functions;
  std::string names;
  bool hidden = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    // "ffffffff81000000 T _stext", and "\t[module]" behind it for what a module brought.
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || line.size() < space + 4 || line[space + 2] != ' ') continue;
    if (std::string_view("tTwW").find(line[space + 1]) == std::string_view::npos) continue;
    const auto address = process::parse_number<std::uint64_t>(line.substr(0, space), 16);
    const std::string_view name = line.substr(space + 3, line.find_first_of("\t ", space + 3) - space - 3);
    if (!address || name.empty()) continue;
    if (*address == 0) {
      hidden = true;
      continue;
    }
    const std::uint64_t limit = *address + std::min(kLongestFunction, ~std::uint64_t{0} - *address);
    functions.push_back({.start = *address, .limit = limit, .name = static_cast<std::uint32_t>(names.size())});
    names.append(name).push_back('\0');
  }
  if (functions.empty() && hidden)
    return fail(0, "kernel symbols: addresses are hidden",
                "grant CAP_SYSLOG, or set kernel.kptr_restrict to 1 as root");
  return FunctionTable(std::move(functions), std::move(names));
}

}  // namespace fanlight::symbols
