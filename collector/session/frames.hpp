// Addresses of a running target become frames of the model. In: raw stacks. Out: interned stacks, named once.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "collector/process/mappings.hpp"
#include "collector/profile/window.hpp"
#include "collector/symbols/symbols.hpp"
#include "core/sample.hpp"

namespace fanlight::session {

/// Knows where the target's modules lie and reads that anew when an address falls outside them.
/// Threads: one; `tables` are only ever touched while the caller's lock is held (see each).
class Frames {
 public:
  explicit Frames(pid_t pid);

  /// The sample's stack, root first: user frames, then the kernel frames they led to. Return addresses are looked up
  /// one byte earlier, inside the call. The caller holds the lock over `tables`. Cost: O(depth) hash look-ups.
  profile::StackId intern(const RawSample& sample, profile::Tables& tables);

  /// Names every frame that came since the last call. Reads files without the lock and takes it only to write the
  /// names.
  void name_new(profile::Tables& tables, std::mutex& lock);

  const symbols::Symbols& symbols() const { return symbols_; }

 private:
  profile::Frame locate(std::uint64_t address);

  pid_t pid_ = 0;
  process::Mappings mappings_;
  symbols::Symbols symbols_;
  std::uint64_t mappings_read_ns_ = 0;
  std::size_t named_ = 0;
};

}  // namespace fanlight::session
