#include "collector/session/open_slice.hpp"

#include <utility>

namespace fanlight::session {

void OpenSlice::add(const RawSample& sample, profile::ThreadId thread, profile::StackId stack,
                    profile::LabelsId labels) {
  const Key key{.who = (std::uint64_t{thread} << 16) | (static_cast<std::uint64_t>(sample.sampler) << 8) |
                       static_cast<std::uint64_t>(sample.reason),
                .stack = stack,
                .labels = labels};
  const auto [place, added] = place_.try_emplace(key, rows_.size());
  if (added) {
    rows_.push_back({.sampler = sample.sampler,
                     .reason = sample.reason,
                     .thread = thread,
                     .stack = stack,
                     .labels = labels,
                     .time_ns = sample.time_ns});
  }
  rows_[place->second].weight += sample.weight;
  rows_[place->second].count += sample.count;
}

std::vector<profile::SampleRow> OpenSlice::take_rows() {
  place_.clear();
  return std::exchange(rows_, {});
}

}  // namespace fanlight::session
