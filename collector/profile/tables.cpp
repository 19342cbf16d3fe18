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

bool same_place(const Frame& a, const Frame& b) {
  if (a.origin != b.origin) return false;
  if (a.origin == FrameOrigin::marker) return a.name == b.name;
  return a.offset == b.offset && a.module == b.module;
}

std::uint64_t hash_of(const Frame& frame) {
  const bool marker = frame.origin == FrameOrigin::marker;
  const std::uint64_t words = std::hash<std::string>{}(marker ? frame.name : frame.module);
  return mix(mix(words, static_cast<std::uint64_t>(frame.origin)), marker ? 0 : frame.offset);
}

std::uint64_t hash_of(const Stack& stack) {
  std::uint64_t hash = stack.size();
  for (const FrameId frame : stack) hash = mix(hash, frame);
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

StackId Tables::append_stack(const Stack& stack, std::uint64_t hash) {
  const auto id = static_cast<StackId>(stacks_.size());
  stacks_.push_back(stack);
  stack_by_hash_.emplace(hash, id);
  memory_bytes_ += sizeof(Stack) + stack.size() * sizeof(FrameId) + kNodeBytes;
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

StackId Tables::stack(const Stack& stack) {
  const std::uint64_t hash = hash_of(stack);
  const auto [first, last] = stack_by_hash_.equal_range(hash);
  for (auto it = first; it != last; ++it) {
    if (stacks_[it->second] == stack) return it->second;
  }
  if (memory_bytes_ < max_bytes_) return append_stack(stack, hash);

  const Stack marker{beyond_cap()};
  const std::uint64_t marker_hash = hash_of(marker);
  const auto [marker_first, marker_last] = stack_by_hash_.equal_range(marker_hash);
  for (auto it = marker_first; it != marker_last; ++it) {
    if (stacks_[it->second] == marker) return it->second;
  }
  return append_stack(marker, marker_hash);
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
