#include "collector/symbols/perf_map.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "collector/process/proc_text.hpp"

namespace fanlight::symbols {

FunctionTable parse_perf_map(std::string_view text) {
  std::unordered_map<std::uint64_t, Function> by_start;
  std::string names;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t first = line.find(' ');
    const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
    if (second == std::string_view::npos || second + 1 >= line.size()) continue;
    auto start_text = line.substr(0, first);
    if (start_text.starts_with("0x")) start_text.remove_prefix(2);
    const auto start = process::parse_number<std::uint64_t>(start_text, 16);
    const auto size = process::parse_number<std::uint64_t>(line.substr(first + 1, second - first - 1), 16);
    if (!start || !size || *size == 0 || names.size() > 0xf0000000) continue;
    by_start[*start] = {.start = *start, .size = *size, .name = static_cast<std::uint32_t>(names.size())};
    names.append(line.substr(second + 1)).push_back('\0');
  }
  std::vector<Function> functions;
  functions.reserve(by_start.size());
  for (const auto& [start, function] : by_start) functions.push_back(function);
  return FunctionTable(std::move(functions), std::move(names));
}

}  // namespace fanlight::symbols
