#include "collector/formats/import.hpp"

#include <algorithm>
#include <cctype>

namespace fanlight::formats {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 30;
constexpr const char* kHint = "give a recording, folded stacks, a pprof profile or the text of `perf script`";

bool ends_in_number(std::string_view line) {
  while (line.ends_with('\r')) line.remove_suffix(1);
  const std::size_t space = line.rfind(' ');
  if (space == std::string_view::npos || space + 1 == line.size()) return false;
  const std::string_view digits = line.substr(space + 1);
  return std::all_of(digits.begin(), digits.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

/// "… 12.345678: …": what no line of folded stacks has before its number.
bool has_time(std::string_view line) {
  for (std::size_t at = line.find(": "); at != std::string_view::npos; at = line.find(": ", at + 1)) {
    std::size_t begin = at;
    bool dot = false;
    while (begin > 0 && (std::isdigit(static_cast<unsigned char>(line[begin - 1])) != 0 || line[begin - 1] == '.')) {
      --begin;
      dot = dot || line[begin] == '.';
    }
    if (dot && begin < at && begin > 0 && line[begin - 1] == ' ') return true;
  }
  return false;
}

}  // namespace

Result<Imported> import_profile(std::string_view bytes, const std::string& name) {
  // What SQLite writes first would pass for the stack "SQLite format", seen three times.
  constexpr std::string_view kMagic{"SQLite format 3\0", 16};
  if (!bytes.empty() && bytes.size() < kMagic.size() && kMagic.starts_with(bytes))
    return fail(0, name + ": a recording that was cut short after " + std::to_string(bytes.size()) + " bytes", kHint);
  if (bytes.size() > kMostBytes) return fail(0, name + ": more than 1 GiB", "export a part of it");
  std::string_view rest = bytes;
  std::string_view first;
  while (!rest.empty() && (first.empty() || first.front() == '#' || first == "\r")) {
    const std::size_t end = rest.find('\n');
    first = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  const bool text = first.find('\0') == std::string_view::npos;
  auto imported = bytes.starts_with("\x1f\x8b")   ? read_pprof(bytes)
                  : text && has_time(first)       ? read_perf_script(bytes)
                  : text && ends_in_number(first) ? read_folded(bytes)
                  : !bytes.empty() && bytes.front() == '\x0a'
                      ? read_pprof(bytes)
                      : Result<Imported>(fail(0, "a format that is not known", kHint));
  if (!imported) {
    if (imported.error().hint.empty()) imported.error().hint = kHint;
    return within(name, imported.error());
  }
  return imported;
}

}  // namespace fanlight::formats
