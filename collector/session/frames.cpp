#include "collector/session/frames.hpp"

#include <cstdio>
#include <string>
#include <utility>

#include "core/clock.hpp"

namespace fanlight::session {
namespace {

// A module that was just loaded is looked for at most this often, so that a stack of wild addresses costs no read each.
constexpr std::uint64_t kRereadAfterNs = 200'000'000;

std::string provisional_name(const profile::Frame& frame) {
  const std::size_t slash = frame.module.rfind('/');
  const std::string module = slash == std::string::npos ? frame.module : frame.module.substr(slash + 1);
  char offset[32];
  std::snprintf(offset, sizeof offset, "+0x%llx", static_cast<unsigned long long>(frame.offset));
  const bool bracketed = module.size() > 2 && module.front() == '[' && module.back() == ']';
  return "[" + (bracketed ? module.substr(1, module.size() - 2) : module) + offset + "]";
}

}  // namespace

Frames::Frames(pid_t pid) : pid_(pid), symbols_(pid) {}

profile::Frame Frames::locate(std::uint64_t address) {
  const process::Mapping* mapping = mappings_.find(address);
  if (mapping == nullptr && monotonic_ns() - mappings_read_ns_ > kRereadAfterNs) {
    mappings_read_ns_ = monotonic_ns();
    // A target that is gone keeps the mappings that were read while it lived.
    if (auto fresh = process::Mappings::read(pid_); fresh && !fresh->all().empty()) mappings_ = std::move(*fresh);
    mapping = mappings_.find(address);
  }
  profile::Frame frame{.origin = profile::FrameOrigin::user};
  if (mapping == nullptr) {
    frame.module = "[unmapped]";
    frame.offset = address;
  } else {
    frame.module = mapping->path.empty() ? "[anon]" : mapping->path;
    frame.offset = address - mapping->start + mapping->offset;
  }
  return frame;
}

profile::StackId Frames::intern(const RawSample& sample, profile::Tables& tables) {
  profile::Stack stack;
  stack.reserve(sample.user_stack.size() + sample.kernel_stack.size() + 1);
  if (sample.truncated) {
    stack.push_back(tables.frame({.origin = profile::FrameOrigin::marker, .name = "[truncated]"}));
  } else if (is_cut(sample.end)) {
    stack.push_back(tables.frame({.origin = profile::FrameOrigin::marker,
                                  .name = "[callers unknown: " + std::string(name_of(sample.end)) + "]"}));
  }
  for (std::size_t i = sample.user_stack.size(); i-- > 0;) {
    // What a signal interrupted is no call either.
    const bool called = i > 0 && (i >= sample.user_found.size() || sample.user_found[i] != FrameFound::registers);
    profile::Frame frame = locate(sample.user_stack[i] - (called ? 1 : 0));
    frame.name = provisional_name(frame);
    stack.push_back(tables.frame(frame));
  }
  for (std::size_t i = sample.kernel_stack.size(); i-- > 0;) {
    profile::Frame frame{.origin = profile::FrameOrigin::kernel,
                         .module = "[kernel]",
                         .offset = sample.kernel_stack[i] - (i > 0 ? 1 : 0)};
    frame.name = provisional_name(frame);
    stack.push_back(tables.frame(frame));
  }
  return tables.stack(stack);
}

void Frames::name_new(profile::Tables& tables, std::mutex& lock) {
  // Only this thread appends to the tables, so it may read them without the lock.
  std::vector<std::pair<profile::FrameId, std::string>> names;
  for (; named_ < tables.frames().size(); ++named_) {
    const profile::Frame& frame = tables.frames()[named_];
    if (frame.origin == profile::FrameOrigin::marker) continue;
    names.emplace_back(static_cast<profile::FrameId>(named_), frame.origin == profile::FrameOrigin::kernel
                                                                  ? symbols_.kernel(frame.offset)
                                                                  : symbols_.user(frame.module, frame.offset));
  }
  const std::lock_guard held(lock);
  for (auto& [id, name] : names) tables.rename_frame(id, std::move(name));
}

}  // namespace fanlight::session
