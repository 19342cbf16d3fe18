// Text formats taken apart again. In: what a writer made. Out: maps and rows to compare.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace fanlight::testing {

/// Folded stacks; a stack that comes twice counts once with both weights.
inline std::map<std::string, std::uint64_t> by_line(const std::string& folded) {
  std::map<std::string, std::uint64_t> lines;
  for (std::size_t at = 0; at < folded.size();) {
    const std::size_t end = folded.find('\n', at);
    const std::string line = folded.substr(at, end - at);
    const std::size_t space = line.rfind(' ');
    lines[line.substr(0, space)] += std::stoull(line.substr(space + 1));
    at = end + 1;
  }
  return lines;
}

/// The first line in which two differ, short enough to read; empty when none does.
inline std::string difference(const std::map<std::string, std::uint64_t>& a,
                              const std::map<std::string, std::uint64_t>& b) {
  const auto say = [](const char* side, const auto& entry) {
    return side + entry.first.substr(0, 300) + " " + std::to_string(entry.second);
  };
  for (const auto& entry : a) {
    const auto other = b.find(entry.first);
    if (other == b.end() || other->second != entry.second) return say("only left: ", entry);
  }
  for (const auto& entry : b) {
    if (!a.contains(entry.first)) return say("only right: ", entry);
  }
  return "";
}

/// Source: RFC 4180.
inline std::vector<std::vector<std::string>> csv_rows(const std::string& text) {
  std::vector<std::vector<std::string>> rows{{""}};
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string& cell = rows.back().back();
    if (quoted && text[i] == '"' && i + 1 < text.size() && text[i + 1] == '"') {
      cell += text[++i];
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && text[i] == ',') {
      rows.back().emplace_back();
    } else if (!quoted && text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') {
      if (++i + 1 < text.size()) rows.push_back({""});
    } else {
      cell += text[i];
    }
  }
  return rows;
}

}  // namespace fanlight::testing
