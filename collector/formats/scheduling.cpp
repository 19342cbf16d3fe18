#include "collector/formats/scheduling.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

namespace fanlight::formats {
namespace {

bool of_the_c_library(const profile::Frame& frame) {
  const std::size_t slash = frame.module.rfind('/');
  const std::string_view file = std::string_view(frame.module).substr(slash == std::string::npos ? 0 : slash + 1);
  return file.starts_with("libc.so") || file.starts_with("libstdc++") || file.starts_with("ld-linux") ||
         frame.name.starts_with("std::") || frame.name.starts_with("[");
}

std::string where(const profile::Profile& profile, const profile::Stack& stack) {
  std::string kernel;
  for (auto id = stack.rbegin(); id != stack.rend(); ++id) {
    const profile::Frame& frame = profile.frames[*id];
    if (frame.origin == profile::FrameOrigin::user && !of_the_c_library(frame)) return frame.name;
    // Of an interrupt: its outermost function that says which.
    if (frame.origin == profile::FrameOrigin::kernel) kernel = frame.name;
  }
  return kernel;
}

std::string marker_of(const profile::Profile& profile, const profile::Stack& stack) {
  if (stack.empty()) return "by nobody known";
  const profile::Frame& root = profile.frames[stack.front()];
  return root.origin == profile::FrameOrigin::marker ? root.name : "by nobody known";
}

std::string name_of_thread(const profile::Thread& thread) {
  return thread.name.empty() ? "thread " + std::to_string(thread.tid) : thread.name;
}

}  // namespace

std::vector<Waker> wakers(const profile::Profile& profile) {
  std::map<std::tuple<std::string, Reason, std::string>, std::map<std::string, std::pair<std::uint64_t, std::uint64_t>>>
      groups;
  for (const profile::SampleRow& row : profile.samples) {
    if (row.sampler != Sampler::wakeup) continue;
    const profile::Stack& stack = profile.stacks[row.stack];
    auto& [ns, count] = groups[{name_of_thread(profile.threads[row.thread]), row.reason, marker_of(profile, stack)}]
                              [where(profile, stack)];
    ns += row.weight;
    count += row.count;
  }
  std::vector<Waker> all;
  for (const auto& [key, places] : groups) {
    Waker one{.thread = std::get<0>(key), .reason = std::get<1>(key), .by = std::get<2>(key), .where = {}};
    std::uint64_t most = 0;
    for (const auto& [place, amount] : places) {
      one.ns += amount.first;
      one.count += amount.second;
      if (amount.second <= most) continue;
      most = amount.second;
      one.where = place;
    }
    all.push_back(std::move(one));
  }
  std::ranges::stable_sort(all, [](const Waker& a, const Waker& b) { return a.count > b.count; });
  return all;
}

std::vector<Preemptor> preemptors(const profile::Profile& profile) {
  std::map<std::pair<std::string, std::string>, Preemptor> groups;
  for (const profile::Preemption& row : profile.preemptions) {
    const std::string thread = name_of_thread(profile.threads[row.thread]);
    Preemptor& one = groups[{thread, row.by}];
    one.thread = thread;
    one.by = row.by;
    one.count += row.count;
    one.ns += row.ns;
  }
  std::vector<Preemptor> all;
  for (auto& [key, one] : groups) all.push_back(std::move(one));
  std::ranges::stable_sort(all, [](const Preemptor& a, const Preemptor& b) { return a.ns > b.ns; });
  return all;
}

}  // namespace fanlight::formats
