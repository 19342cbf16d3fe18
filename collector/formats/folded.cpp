#include "collector/formats/folded.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "collector/formats/sequences.hpp"
#include "collector/formats/text.hpp"

namespace fanlight::formats {

Result<> folded(const profile::WeightedStacks& stacks, const TextSink& sink) {
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
  constexpr std::size_t kPiece = 64 * 1024;
  std::string text;
  text.reserve(2 * kPiece);
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
    if (text.size() < kPiece) continue;
    if (auto taken = sink(text); !taken) return taken;
    text.clear();
  }
  return text.empty() ? Result<>() : sink(text);
}

std::string folded(const profile::WeightedStacks& stacks) {
  std::string whole;
  (void)folded(stacks, [&](std::string_view piece) -> Result<> {
    whole += piece;
    return {};
  });
  return whole;
}

}  // namespace fanlight::formats
