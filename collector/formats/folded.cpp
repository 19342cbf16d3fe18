#include "collector/formats/folded.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "collector/formats/text.hpp"

namespace fanlight::formats {

std::string folded(const profile::WeightedStacks& stacks) {
  std::vector<std::string> names;
  names.reserve(stacks.frames.size());
  for (const profile::Frame& frame : stacks.frames) names.push_back(folded_name(frame));

  // Stacks that differ only in where within a function they are read the same, and are one line.
  std::map<std::string, std::uint64_t> by_line;
  for (const profile::WeightedStack& stack : stacks.stacks) {
    std::string line;
    for (const profile::FrameId frame : stack.frames) {
      if (!line.empty()) line += ';';
      line += names.at(frame);
    }
    by_line[line.empty() ? "[unknown]" : std::move(line)] += stack.weight;
  }
  std::vector<std::pair<std::string_view, std::uint64_t>> lines(by_line.begin(), by_line.end());
  std::stable_sort(lines.begin(), lines.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  for (const auto& [line, weight] : lines) {
    text += line;
    text += ' ';
    text += std::to_string(weight);
    text += '\n';
  }
  return text;
}

}  // namespace fanlight::formats
