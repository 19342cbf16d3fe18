#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include "collector/profile/window.hpp"

namespace fanlight::profile {
namespace {

/// Source: the finaliser of SplitMix64, Steele et al. 2014.
std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash += value + 0x9e3779b97f4a7c15;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111eb;
  return hash ^ (hash >> 31);
}

bool by_name(const Frame& frame) {
  return frame.origin == FrameOrigin::marker || (frame.offset == 0 && frame.module.empty());
}

bool same_place(const Frame& a, const Frame& b) {
  if (a.origin != b.origin) return false;
  if (by_name(a) || by_name(b)) return by_name(a) && by_name(b) && a.name == b.name;
  return a.offset == b.offset && a.module == b.module;
}

std::uint64_t hash_of(const Frame& frame) {
  const std::uint64_t words = std::hash<std::string>{}(by_name(frame) ? frame.name : frame.module);
  return mix(mix(words, static_cast<std::uint64_t>(frame.origin)), by_name(frame) ? 0 : frame.offset);
}

std::uint64_t hash_of(const Stack& stack, const StackFound& found) {
  std::uint64_t hash = stack.size();
  for (std::size_t i = 0; i < stack.size(); ++i) {
    const std::uint64_t how = i < found.size() ? static_cast<std::uint64_t>(found[i]) : 0;
    hash = mix(hash, stack[i] | how << 32);
  }
  return hash;
}

// What an entry of the hash tables costs beside its content: a node and its share of the buckets.
constexpr std::size_t kNodeBytes = 48;

}  // namespace

FrameId Tables::append_frame(const Frame& frame, std::uint64_t hash) {
  const auto id = static_cast<FrameId>(frames_.size());
  frames_.push_back(frame);
  frame_by_hash_.emplace(hash, id);
  memory_bytes_ += sizeof(Frame) + frame.module.size() + frame.name.size() + kNodeBytes;
  return id;
}

StackId Tables::append_stack(const Stack& stack, StackFound found, std::uint64_t hash) {
  const auto id = static_cast<StackId>(stacks_.size());
  stacks_.push_back(stack);
  stack_by_hash_.emplace(hash, id);
  memory_bytes_ += sizeof(Stack) + sizeof(StackFound) + stack.size() * sizeof(FrameId) + found.size() + kNodeBytes;
  found_.push_back(std::move(found));
  return id;
}

FrameId Tables::beyond_cap() {
  ++replaced_;
  const Frame marker{.origin = FrameOrigin::marker, .name = "[beyond the memory cap]"};
  const std::uint64_t hash = hash_of(marker);
  const auto [first, last] = frame_by_hash_.equal_range(hash);
  for (auto it = first; it != last; ++it) {
    if (same_place(frames_[it->second], marker)) return it->second;
  }
  return append_frame(marker, hash);
}

FrameId Tables::frame(const Frame& frame) {
  const std::uint64_t hash = hash_of(frame);
  const auto [first, last] = frame_by_hash_.equal_range(hash);
  for (auto it = first; it != last; ++it) {
    if (same_place(frames_[it->second], frame)) return it->second;
  }
  if (memory_bytes_ >= max_bytes_) return beyond_cap();
  return append_frame(frame, hash);
}

StackId Tables::stack(const Stack& stack, StackFound found) {
  // One way to say that nothing is told.
  if (std::ranges::all_of(found, [](FrameFound how) { return how == FrameFound::untold; })) found.clear();
  if (!found.empty()) found.resize(stack.size(), FrameFound::untold);
  const std::uint64_t hash = hash_of(stack, found);
  const auto [first, last] = stack_by_hash_.equal_range(hash);
  for (auto it = first; it != last; ++it) {
    if (stacks_[it->second] == stack && found_[it->second] == found) return it->second;
  }
  if (memory_bytes_ < max_bytes_) return append_stack(stack, std::move(found), hash);

  const Stack marker{beyond_cap()};
  const std::uint64_t marker_hash = hash_of(marker, {});
  const auto [marker_first, marker_last] = stack_by_hash_.equal_range(marker_hash);
  for (auto it = marker_first; it != marker_last; ++it) {
    if (stacks_[it->second] == marker) return it->second;
  }
  return append_stack(marker, {}, marker_hash);
}

LabelsId Tables::labels(Labels labels) {
  std::stable_sort(labels.begin(), labels.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  labels.erase(
      std::unique(labels.begin(), labels.end(), [](const auto& a, const auto& b) { return a.first == b.first; }),
      labels.end());
  if (labels.empty()) return 0;
  if (const auto found = labels_index_.find(labels); found != labels_index_.end()) return found->second;
  if (memory_bytes_ >= max_bytes_) {
    ++replaced_;
    labels = {{"labels", "[beyond the memory cap]"}};
    if (const auto found = labels_index_.find(labels); found != labels_index_.end()) return found->second;
  }
  const auto id = static_cast<LabelsId>(labels_.size());
  for (const auto& [key, value] : labels) memory_bytes_ += 2 * (sizeof(Labels::value_type) + key.size() + value.size());
  memory_bytes_ += 2 * kNodeBytes;
  labels_.push_back(labels);
  labels_index_.emplace(std::move(labels), id);
  return id;
}

std::optional<LabelsId> Tables::known_labels(const Labels& labels) const {
  if (labels.empty()) return 0;
  const auto found = labels_index_.find(labels);
  return found == labels_index_.end() ? std::nullopt : std::optional(found->second);
}

void Tables::set_source(FrameId id, std::string file, std::uint32_t line, std::vector<Inlined> inlined) {
  Frame& frame = frames_.at(id);
  memory_bytes_ += file.size();
  for (const Inlined& one : inlined) memory_bytes_ += sizeof one + one.name.size() + one.file.size();
  frame.file = std::move(file);
  frame.line = line;
  frame.inlined = std::move(inlined);
}

void Tables::set_build_id(const std::string& module, std::string build_id) {
  if (build_id.empty()) return;
  const auto [found, added] = build_ids_.insert_or_assign(module, std::move(build_id));
  if (added) memory_bytes_ += kNodeBytes + module.size() + found->second.size();
}

ThreadId Tables::thread_born(pid_t tid, std::string name) {
  const auto id = static_cast<ThreadId>(threads_.size());
  memory_bytes_ += sizeof(ThreadName) + name.size() + kNodeBytes;
  threads_.push_back({tid, std::move(name)});
  current_life_[tid] = id;
  return id;
}

ThreadId Tables::thread(pid_t tid, const std::string& name_if_new) {
  if (const auto found = current_life_.find(tid); found != current_life_.end()) return found->second;
  return thread_born(tid, name_if_new);
}

}  // namespace fanlight::profile
