#include "collector/formats/folded.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "collector/formats/sequences.hpp"
#include "collector/formats/text.hpp"

namespace fanlight::formats {

std::string folded(const profile::WeightedStacks& stacks) {
  Sequences sequences(stacks, nullptr, std::numeric_limits<std::size_t>::max());
  // Stacks that differ only in where within a function they are read the same, and are one line.
  sequences.sort();
  auto& rows = sequences.rows();
  std::size_t kept = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto names = sequences.names(rows[i]);
    if (kept > 0 && std::ranges::equal(sequences.names(rows[kept - 1]), names)) {
      rows[kept - 1].weight += rows[i].weight;
    } else {
      rows[kept++] = rows[i];
    }
  }
  rows.resize(kept);
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.weight > b.weight; });

  std::vector<std::string> words;
  for (std::uint32_t place = 0; place < sequences.name_count(); ++place) {
    const Name& name = sequences.name(place);
    words.push_back(folded_name({.origin = name.origin, .name = name.text}));
  }
  // All in one piece from the start: a text that grows would be there twice.
  constexpr std::size_t kMostDigits = 22;
  std::size_t size = 0;
  for (const auto& row : rows) {
    for (const std::uint32_t word : sequences.names(row)) size += words[word].size() + 1;
    size += kMostDigits + 10;
  }
  std::string text;
  text.reserve(size);
  for (const auto& row : rows) {
    bool first = true;
    for (const std::uint32_t word : sequences.names(row)) {
      if (!first) text += ';';
      first = false;
      text += words[word];
    }
    if (first) text += "[unknown]";
    text += ' ';
    text += std::to_string(row.weight);
    text += '\n';
  }
  return text;
}

}  // namespace fanlight::formats
