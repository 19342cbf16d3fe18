#include "collector/process/mappings.hpp"

#include <algorithm>
#include <climits>
#include <optional>

#include "collector/process/proc_text.hpp"

namespace fanlight::process {
namespace {

// 65,530 mappings (the kernel's default limit) of 200 bytes each are 13 MB.
constexpr std::size_t kMaxMapsBytes = std::size_t{64} << 20;

/// Takes the next word off `rest`. Words are separated by single spaces, except for the padding before the path.
std::string_view next_word(std::string_view& rest) {
  const std::size_t end = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return word;
}

struct Line {
  Mapping mapping;
  bool executable = false;
};

/// "start-end perms offset dev inode          path". Source: proc_pid_maps(5).
std::optional<Line> parse_line(std::string_view rest) {
  const std::string_view range = next_word(rest);
  const std::string_view permissions = next_word(rest);
  const auto offset = parse_number<std::uint64_t>(next_word(rest), 16);
  const std::string_view device = next_word(rest);
  const auto inode = parse_number<std::uint64_t>(next_word(rest));
  const std::size_t dash = range.find('-');
  if (dash == std::string_view::npos || permissions.size() != 4 || !offset || device.empty() || !inode)
    return std::nullopt;
  const auto start = parse_number<std::uint64_t>(range.substr(0, dash), 16);
  const auto end = parse_number<std::uint64_t>(range.substr(dash + 1), 16);
  if (!start || !end || *start >= *end) return std::nullopt;

  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  constexpr std::string_view kDeleted = " (deleted)";
  Line line{{.start = *start, .end = *end, .offset = *offset, .inode = *inode}, permissions[2] == 'x'};
  if (rest.ends_with(kDeleted)) {
    line.mapping.deleted = true;
    rest.remove_suffix(kDeleted.size());
  }
  if (rest.size() > PATH_MAX) return std::nullopt;
  line.mapping.path = rest.empty() ? "[anon]" : rest;
  return line;
}

}  // namespace

Result<Mappings> Mappings::read(pid_t pid, const std::filesystem::path& root) {
  auto text = read_text(root / "proc" / std::to_string(pid) / "maps", kMaxMapsBytes);
  if (!text) return within("read mappings", std::move(text.error()));
  return parse(*text);
}

Mappings Mappings::parse(std::string_view text) {
  Mappings result;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    auto line = parse_line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line)
      ++result.malformed_lines_;
    else if (line->executable)
      result.mappings_.push_back(std::move(line->mapping));
  }
  std::ranges::stable_sort(result.mappings_, {}, &Mapping::start);
  // Lookup rests on ranges that do not overlap; the kernel never prints others.
  std::uint64_t covered_to = 0;
  std::vector<Mapping> kept;
  kept.reserve(result.mappings_.size());
  for (Mapping& mapping : result.mappings_) {
    if (mapping.start < covered_to) {
      ++result.malformed_lines_;
      continue;
    }
    covered_to = mapping.end;
    kept.push_back(std::move(mapping));
  }
  result.mappings_ = std::move(kept);
  return result;
}

const Mapping* Mappings::find(std::uint64_t address) const {
  const auto after = std::ranges::upper_bound(mappings_, address, {}, &Mapping::start);
  if (after == mappings_.begin()) return nullptr;
  const Mapping& candidate = *std::prev(after);
  return address < candidate.end ? &candidate : nullptr;
}

}  // namespace fanlight::process
