#include "collector/formats/sequences.hpp"

#include <algorithm>

namespace fanlight::formats {

Sequences::Sequences(const profile::WeightedStacks& stacks, const profile::WeightedStacks* before, std::size_t most) {
  const auto numbers = names_.of(stacks.frames);
  const auto numbers_before = before == nullptr ? std::vector<std::vector<std::uint32_t>>() : names_.of(before->frames);
  const auto ranks = names_.ranks();
  order_.resize(ranks.size());
  for (std::uint32_t number = 0; number < ranks.size(); ++number) order_[ranks[number]] = number;

  std::size_t frames = 0;
  for (const profile::WeightedStack& stack : stacks.stacks) frames += stack.frames.size();
  all_.reserve(frames);
  rows_.reserve(stacks.stacks.size() + (before == nullptr ? 0 : before->stacks.size()));
  const auto take = [&](const profile::WeightedStacks& from, const auto& words, bool is_before) {
    for (const profile::WeightedStack& stack : from.stacks) {
      Row row{.begin = all_.size(), .before = is_before, .weight = stack.weight, .count = stack.count};
      for (const profile::FrameId frame : stack.frames) {
        for (const std::uint32_t number : words.at(frame)) {
          if (all_.size() - row.begin < most) {
            all_.push_back(ranks[number]);
          } else if (!is_before) {
            ++cut_off_;
          }
        }
      }
      row.length = static_cast<std::uint32_t>(all_.size() - row.begin);
      rows_.push_back(row);
    }
  };
  take(stacks, numbers, false);
  if (before != nullptr) take(*before, numbers_before, true);
}

void Sequences::sort() {
  std::sort(rows_.begin(), rows_.end(), [this](const Row& a, const Row& b) {
    const auto left = names(a);
    const auto right = names(b);
    return std::lexicographical_compare(left.begin(), left.end(), right.begin(), right.end());
  });
}

}  // namespace fanlight::formats
