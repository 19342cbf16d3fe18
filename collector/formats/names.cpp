#include "collector/formats/names.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "collector/formats/text.hpp"

namespace fanlight::formats {

std::uint32_t Names::number(std::string text, const profile::Frame& frame) {
  const auto [found, added] = index_.try_emplace({std::move(text), frame.origin}, names_.size());
  if (added) names_.push_back({found->first.first, frame.origin, &frame});
  return found->second;
}

std::vector<std::vector<std::uint32_t>> Names::of(const std::vector<profile::Frame>& frames) {
  std::vector<std::vector<std::uint32_t>> numbers;
  numbers.reserve(frames.size());
  for (const profile::Frame& frame : frames) {
    std::vector<std::uint32_t> here{number(shown_name(frame), frame)};
    for (const profile::Inlined& call : frame.inlined) here.push_back(number(clean(call.name), frame));
    numbers.push_back(std::move(here));
  }
  return numbers;
}

std::vector<std::uint32_t> Names::ranks() const {
  std::vector<std::uint32_t> order(names_.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return std::tie(names_[a].text, names_[a].origin) < std::tie(names_[b].text, names_[b].origin);
  });
  std::vector<std::uint32_t> ranks(names_.size());
  for (std::uint32_t place = 0; place < order.size(); ++place) ranks[order[place]] = place;
  return ranks;
}

}  // namespace fanlight::formats
