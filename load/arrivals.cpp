#include "load/arrivals.hpp"

#include <algorithm>

namespace fanlight::load {
namespace {

constexpr std::size_t kPerRound = 64;

}  // namespace

void Arrivals::plan(std::span<const unsigned> missing) {
  const unsigned most = missing.empty() ? 0 : *std::max_element(missing.begin(), missing.end());
  for (unsigned round = 0; round < most; ++round)
    for (std::size_t group = 0; group < missing.size(); ++group)
      if (round < missing[group]) groups_.push_back(static_cast<std::uint8_t>(group));
}

void Arrivals::add(std::uint8_t group) {
  if (groups_.empty()) rate_ = -1;
  groups_.push_back(group);
}

std::size_t Arrivals::due(std::uint64_t now_ns, double rate) {
  if (rate != rate_) {
    rate_ = rate;
    from_ns_ = now_ns;
    taken_ = 0;
  }
  std::size_t due = std::min(kPerRound, groups_.size());
  if (rate > 0) {
    const auto until_now = static_cast<std::uint64_t>(static_cast<double>(now_ns - from_ns_) / 1e9 * rate) + 1;
    due = until_now > taken_ ? std::min<std::size_t>(due, until_now - taken_) : 0;
  }
  return due;
}

std::uint8_t Arrivals::take() {
  const std::uint8_t group = groups_.front();
  groups_.pop_front();
  ++taken_;
  return group;
}

std::uint64_t Arrivals::wait_ns() const {
  return rate_ > 0 ? static_cast<std::uint64_t>(std::min(1e9 / rate_, 2e7)) : 0;
}

}  // namespace fanlight::load
