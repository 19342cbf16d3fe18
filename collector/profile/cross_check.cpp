#include "collector/profile/cross_check.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string_view>

namespace fanlight::profile {
namespace {

/// What one sampler says, by function name, in weight.
struct Opinion {
  std::uint64_t samples = 0;
  double weight = 0;
  std::map<std::string_view, double> leaf;
  std::map<std::string_view, double> anywhere;
};

bool counts(const SampleRow& row, Sampler sampler) { return row.sampler == sampler && row.reason == Reason::running; }

/// The signal sampler never sees the kernel's frames, so the user's part of the stack is what both can be asked about.
void hear(Opinion& opinion, const Profile& profile, const SampleRow& row) {
  const Frame* leaf = nullptr;
  std::set<std::string_view> names;
  for (const FrameId id : profile.stacks.at(row.stack)) {
    const Frame& frame = profile.frames.at(id);
    if (frame.origin != FrameOrigin::user) continue;
    names.insert(frame.name);
    leaf = &frame;
  }
  if (leaf == nullptr) return;
  const auto weight = static_cast<double>(row.weight);
  opinion.samples += row.count;
  opinion.weight += weight;
  opinion.leaf[leaf->name] += weight;
  for (const std::string_view name : names) opinion.anywhere[name] += weight;
}

double share(const std::map<std::string_view, double>& weights, std::string_view name, double whole) {
  const auto found = weights.find(name);
  return found == weights.end() || !(whole > 0) ? 0 : found->second / whole;
}

std::set<std::string_view> names_of(const std::map<std::string_view, double>& a,
                                    const std::map<std::string_view, double>& b) {
  std::set<std::string_view> names;
  for (const auto& [name, weight] : a) names.insert(name);
  for (const auto& [name, weight] : b) names.insert(name);
  return names;
}

}  // namespace

CrossCheck cross_check(const Profile& profile) {
  std::set<ThreadId> by_kernel;
  std::set<ThreadId> by_inprocess;
  for (const SampleRow& row : profile.samples) {
    if (counts(row, Sampler::kernel_cpu)) by_kernel.insert(row.thread);
    if (counts(row, Sampler::inprocess_cpu)) by_inprocess.insert(row.thread);
  }
  Opinion kernel;
  Opinion inprocess;
  for (const SampleRow& row : profile.samples) {
    if (!by_kernel.contains(row.thread) || !by_inprocess.contains(row.thread)) continue;
    if (counts(row, Sampler::kernel_cpu)) hear(kernel, profile, row);
    if (counts(row, Sampler::inprocess_cpu)) hear(inprocess, profile, row);
  }

  CrossCheck check{.kernel_samples = kernel.samples, .inprocess_samples = inprocess.samples};
  if (!check.possible()) return check;
  double distance = 0;
  for (const std::string_view name : names_of(kernel.leaf, inprocess.leaf)) {
    distance += std::fabs(share(kernel.leaf, name, kernel.weight) - share(inprocess.leaf, name, inprocess.weight));
  }
  check.agreement = 1 - distance / 2;
  for (const std::string_view name : names_of(kernel.anywhere, inprocess.anywhere)) {
    check.functions.push_back({std::string(name), share(kernel.anywhere, name, kernel.weight),
                               share(inprocess.anywhere, name, inprocess.weight)});
  }
  std::stable_sort(check.functions.begin(), check.functions.end(), [](const FunctionShare& a, const FunctionShare& b) {
    return std::fabs(a.kernel - a.inprocess) > std::fabs(b.kernel - b.inprocess);
  });
  return check;
}

}  // namespace fanlight::profile
