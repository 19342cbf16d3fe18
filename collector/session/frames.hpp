// Addresses of a running target become frames of the model. In: raw stacks. Out: interned stacks, named once.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "collector/kernel/reading.hpp"
#include "collector/process/mappings.hpp"
#include "collector/profile/window.hpp"
#include "collector/session/namer.hpp"
#include "core/sample.hpp"

namespace fanlight::session {

/// Knows where the modules of the target's processes lie and reads that anew when an address falls outside them.
/// Threads: one; `tables` are only ever touched while the caller's lock is held (see each).
class Frames {
 public:
  explicit Frames(pid_t pid, symbols::Fetching fetching = symbols::Fetching::as_environment_says);
  /// With mappings that were read before, of a target that is gone; its files are looked for below our root.
  explicit Frames(process::Mappings mappings);

  /// The sample's stack, root first, below a marker `root` unless that is empty: user frames, then the kernel frames
  /// they led to. Return addresses are looked up one byte earlier, inside the call. The caller holds the lock over
  /// `tables`. Cost: O(depth) hash look-ups.
  profile::StackId intern(const RawSample& sample, profile::Tables& tables, const std::string& root = {});

  /// Has every frame named that came since the last call, with source lines and inlined functions, and writes down
  /// what has become known; the rest follows with a later call. Waits up to `patience` for all of it, without the lock.
  /// True: that was all.
  bool name_new(profile::Tables& tables, std::mutex& lock, std::chrono::milliseconds patience);

  /// How much of the code has debug information, and how to get what is missing, in the words of reading.hpp.
  kernel::Form source_form() const;

 private:
  struct Memory {
    process::Mappings mappings;
    std::uint64_t read_ns = 0;
  };
  profile::Frame locate(pid_t pid, std::uint64_t address);
  /// Where an address of the process lies; null: nowhere that is known.
  const process::Mapping* find(pid_t pid, std::uint64_t address);

  pid_t pid_ = 0;
  std::unordered_map<pid_t, Memory> memory_;  // by process
  Namer namer_;
  std::size_t asked_ = 0;  // frames of the tables that were handed to the namer
};

}  // namespace fanlight::session
