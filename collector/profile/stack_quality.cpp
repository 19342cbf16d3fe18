#include "collector/profile/stack_quality.hpp"

#include <algorithm>
#include <numeric>

namespace fanlight::profile {
namespace {

using Modules = std::map<std::string, std::uint64_t>;

bool by_rule(FrameFound found) { return found == FrameFound::eh_frame; }
bool by_guess(FrameFound found) { return found == FrameFound::frame_pointer || found == FrameFound::scan; }

void add(const Profile& profile, const SampleRow& row, StackQuality& quality, Modules& modules) {
  const Stack& stack = profile.stacks[row.stack];
  const StackFound& found = profile.found[row.stack];
  quality.stacks += row.count;
  bool any_rule = false;
  for (std::size_t i = 0; i < stack.size(); ++i) {
    if (found[i] == FrameFound::untold) continue;
    quality.frames[static_cast<std::size_t>(found[i])] += row.count;
    any_rule = any_rule || by_rule(found[i]);
    // It is the callee, one further from the root, that had no rule.
    if (by_guess(found[i]) && i + 1 < stack.size()) modules[profile.frames[stack[i + 1]].module] += row.count;
  }
  const Frame& root = profile.frames[stack.front()];
  if (root.origin == FrameOrigin::marker) {
    quality.cut += row.count;
    quality.cut_why[root.name] += row.count;
  } else {
    (any_rule ? quality.whole : quality.open) += row.count;
  }
}

}  // namespace

std::uint64_t StackQuality::all_frames() const {
  return std::accumulate(frames.begin(), frames.end(), std::uint64_t{0});
}

std::vector<StackQuality> stack_quality(const Profile& profile) {
  std::map<Sampler, std::pair<StackQuality, Modules>> by_sampler;
  for (const SampleRow& row : profile.samples) {
    const bool told = row.stack < profile.found.size() && !profile.stacks[row.stack].empty() &&
                      profile.found[row.stack].size() == profile.stacks[row.stack].size();
    if (!told) continue;
    auto& [quality, modules] = by_sampler[row.sampler];
    add(profile, row, quality, modules);
  }
  std::vector<StackQuality> all;
  for (auto& [sampler, counted] : by_sampler) {
    auto& [quality, modules] = counted;
    quality.sampler = sampler;
    quality.without_rules.assign(modules.begin(), modules.end());
    std::ranges::stable_sort(quality.without_rules, std::ranges::greater(),
                             &std::pair<std::string, std::uint64_t>::second);
    all.push_back(std::move(quality));
  }
  return all;
}

}  // namespace fanlight::profile
