// Addresses of a running target become frames of the model. In: raw stacks. Out: interned stacks, named once.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <mutex>

#include "collector/kernel/reading.hpp"
#include "collector/process/mappings.hpp"
#include "collector/profile/window.hpp"
#include "collector/session/namer.hpp"
#include "core/sample.hpp"

namespace fanlight::session {

/// Knows where the target's modules lie and reads that anew when an address falls outside them.
/// Threads: one; `tables` are only ever touched while the caller's lock is held (see each).
class Frames {
 public:
  explicit Frames(pid_t pid);
  /// With mappings that were read before; `pid` 0: of a target that is gone, whose files are looked for below our root.
  Frames(pid_t pid, process::Mappings mappings);

  /// The sample's stack, root first: user frames, then the kernel frames they led to. Return addresses are looked up
  /// one byte earlier, inside the call. The caller holds the lock over `tables`. Cost: O(depth) hash look-ups.
  profile::StackId intern(const RawSample& sample, profile::Tables& tables);

  /// Has every frame named that came since the last call, with source lines and inlined functions, and writes down
  /// what has become known; the rest follows with a later call. Waits up to `patience` for all of it, without the lock.
  void name_new(profile::Tables& tables, std::mutex& lock, std::chrono::milliseconds patience);

  /// How much of the code has debug information, and how to get what is missing, in the words of reading.hpp.
  kernel::Form source_form() const;

 private:
  profile::Frame locate(std::uint64_t address);

  pid_t pid_ = 0;
  process::Mappings mappings_;
  Namer namer_;
  std::uint64_t mappings_read_ns_ = 0;
  std::size_t asked_ = 0;  // frames of the tables that were handed to the namer
};

}  // namespace fanlight::session
