#include "collector/session/frames.hpp"

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>

#include "core/clock.hpp"

namespace fanlight::session {
namespace {

// A module that was just loaded is looked for at most this often, so that a stack of wild addresses costs no read each.
constexpr std::uint64_t kRereadAfterNs = 50'000'000;

std::string provisional_name(const profile::Frame& frame) {
  const std::size_t slash = frame.module.rfind('/');
  const std::string module = slash == std::string::npos ? frame.module : frame.module.substr(slash + 1);
  char offset[32];
  std::snprintf(offset, sizeof offset, "+0x%llx", static_cast<unsigned long long>(frame.offset));
  const bool bracketed = module.size() > 2 && module.front() == '[' && module.back() == ']';
  return "[" + (bracketed ? module.substr(1, module.size() - 2) : module) + offset + "]";
}

}  // namespace

Frames::Frames(pid_t pid, symbols::Fetching fetching)
    : pid_(pid), namer_(symbols::Symbols(pid, "/", symbols::DiskCache::of_user(), fetching)) {}

Frames::Frames(process::Mappings mappings) : Frames(0) { memory_[0].mappings = std::move(mappings); }

const process::Mapping* Frames::find(pid_t pid, std::uint64_t address) {
  Memory& memory = memory_[pid];
  if (const process::Mapping* mapping = memory.mappings.find(address)) return mapping;
  if (monotonic_ns() - memory.read_ns > kRereadAfterNs) {
    memory.read_ns = monotonic_ns();
    // A process that is gone keeps the mappings that were read while it lived.
    if (auto fresh = process::Mappings::read(pid); fresh && !fresh->all().empty()) memory.mappings = std::move(*fresh);
    if (const process::Mapping* mapping = memory.mappings.find(address)) return mapping;
  }
  // One that lived too short to be looked at began as a copy of another.
  if (memory.mappings.all().empty())
    for (const auto& [other, known] : memory_)
      if (const process::Mapping* mapping = known.mappings.find(address)) return mapping;
  return nullptr;
}

profile::Frame Frames::locate(pid_t pid, std::uint64_t address) {
  const process::Mapping* mapping = find(pid, address);
  profile::Frame frame{.origin = profile::FrameOrigin::user};
  if (mapping == nullptr) {
    frame.module = "[unmapped]";
    frame.offset = address;
  } else {
    frame.module = mapping->path.empty() ? "[anon]" : mapping->path;
    // Code without a file is known by its address alone; see Symbols::places.
    const bool bare = frame.module.starts_with("[anon");
    frame.offset = bare ? address : address - mapping->start + mapping->offset;
  }
  return frame;
}

profile::StackId Frames::intern(const RawSample& sample, profile::Tables& tables, const std::string& root) {
  profile::Stack stack;
  profile::StackFound found;
  stack.reserve(sample.user_stack.size() + sample.kernel_stack.size() + 1);
  found.reserve(sample.user_stack.size() + 1);
  if (!root.empty()) stack.push_back(tables.frame({.origin = profile::FrameOrigin::marker, .name = root}));
  if (sample.woke)
    stack.push_back(tables.frame({.origin = profile::FrameOrigin::marker, .name = "[woke before its stack was read]"}));
  if (sample.truncated) {
    stack.push_back(tables.frame({.origin = profile::FrameOrigin::marker, .name = "[truncated]"}));
  } else if (is_cut(sample.end)) {
    stack.push_back(tables.frame({.origin = profile::FrameOrigin::marker,
                                  .name = "[callers unknown: " + std::string(name_of(sample.end)) + "]"}));
  }
  found.resize(stack.size(), FrameFound::untold);
  for (std::size_t i = sample.user_stack.size(); i-- > 0;) {
    found.push_back(i < sample.user_found.size() ? sample.user_found[i] : FrameFound::untold);
    // What a signal interrupted is no call either.
    const bool called = i > 0 && (i >= sample.user_found.size() || sample.user_found[i] != FrameFound::registers);
    profile::Frame frame = locate(sample.pid != 0 ? sample.pid : pid_, sample.user_stack[i] - (called ? 1 : 0));
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
  return tables.stack(stack, std::move(found));
}

bool Frames::name_new(profile::Tables& tables, std::mutex& lock, std::chrono::milliseconds patience) {
  // Only this thread appends to the tables, so it may read them without the lock.
  std::vector<Namer::Request> requests;
  for (; asked_ < tables.frames().size(); ++asked_) {
    const profile::Frame& frame = tables.frames()[asked_];
    if (frame.origin == profile::FrameOrigin::marker) continue;
    requests.push_back({.frame = static_cast<profile::FrameId>(asked_),
                        .kernel = frame.origin == profile::FrameOrigin::kernel,
                        .module = frame.module,
                        .offset = frame.offset});
  }
  namer_.ask(std::move(requests));
  Namer::Answers answers = namer_.take(patience);
  const std::lock_guard held(lock);
  for (Namer::Named& named : answers.named) {
    symbols::Place& place = named.place;
    std::vector<profile::Inlined> inlined;
    for (symbols::InlinedCall& call : place.inlined)
      inlined.push_back({.name = std::move(call.name), .file = std::move(call.file), .line = call.line});
    tables.rename_frame(named.frame, std::move(place.name));
    if (!place.file.empty() || !inlined.empty())
      tables.set_source(named.frame, std::move(place.file), place.line, std::move(inlined));
  }
  for (auto& [module, build_id] : answers.build_ids) tables.set_build_id(module, std::move(build_id));
  return answers.all;
}

kernel::Form Frames::source_form() const {
  const symbols::Symbols::Sources sources = namer_.sources();
  kernel::Form form{.probe = "source lines"};
  form.form = "DWARF of " + std::to_string(sources.with) + " of " +
              std::to_string(sources.with + sources.without.size()) + " files";
  if (sources.without.empty()) return form;
  constexpr std::size_t kNamed = 3;
  for (std::size_t i = 0; i < std::min(kNamed, sources.without.size()); ++i)
    form.why += (i > 0 ? ", " : "no debug information for ") + sources.without[i];
  if (sources.without.size() > kNamed) form.why += " and " + std::to_string(sources.without.size() - kNamed) + " more";
  form.why += ": build with -g, install -dbg or -dbgsym packages, or set DEBUGINFOD_URLS";
  return form;
}

}  // namespace fanlight::session
