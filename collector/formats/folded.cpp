#include "collector/formats/folded.hpp"

#include <utility>
#include <vector>

#include "collector/formats/names.hpp"
#include "collector/formats/text.hpp"
#include "collector/profile/select.hpp"

namespace fanlight::formats {
namespace {

std::string line_of(const profile::WeightedStack& stack, const std::vector<std::string>& words) {
  std::string line;
  for (const profile::FrameId word : stack.frames) {
    if (!line.empty()) line += ';';
    line += words[word];
  }
  if (line.empty()) line = "[unknown]";
  line += ' ';
  line += std::to_string(stack.weight);
  return line += '\n';
}

}  // namespace

std::string folded(const profile::WeightedStacks& stacks) {
  Names names;
  const auto numbers = names.of(stacks.frames);
  std::vector<std::string> words;
  words.reserve(names.all().size());
  for (const Name& name : names.all()) {
    words.push_back(folded_name({.origin = name.origin, .name = name.text}));
  }

  // Stacks that differ only in where within a function they are read the same, and are one line. Frames of this copy
  // are words.
  profile::WeightedStacks lines;
  lines.stacks.reserve(stacks.stacks.size());
  const auto ranks = names.ranks();
  for (const profile::WeightedStack& stack : stacks.stacks) {
    profile::WeightedStack line{.weight = stack.weight};
    for (const profile::FrameId frame : stack.frames) {
      for (const std::uint32_t name : numbers.at(frame)) line.frames.push_back(ranks[name]);
    }
    lines.stacks.push_back(std::move(line));
  }
  profile::join_alike(lines);
  std::vector<std::string> in_order(words.size());
  for (std::size_t i = 0; i < words.size(); ++i) in_order[ranks[i]] = std::move(words[i]);
  std::string text;
  for (const profile::WeightedStack& line : lines.stacks) text += line_of(line, in_order);
  return text;
}

}  // namespace fanlight::formats
