// What a target's events add up to. In: events and spans of its rings. Out: counts and durations of a slice.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "collector/inprocess/event_reader.hpp"
#include "collector/profile/window.hpp"

namespace fanlight::session {

/// Looks for the target's rings once a slice until there are some; a target makes them with its first event, so while
/// nobody listens there are none. Threads: one at a time.
class TargetEvents {
 public:
  explicit TargetEvents(pid_t pid) : pid_(pid) {}

  /// Takes in what came since the last time; rings overrun unless this is called often.
  void drain();
  /// Adds what came since the last slice: a histogram "span NAME" for each span, a counter "event NAME" for each event;
  /// the operations that map_op events tell of where `registries`, since a probe may have counted them already; and the
  /// account. Opens the rings when they have appeared.
  void close_slice(profile::Slice& slice, bool registries);

  /// For tests: an event as if it had been read.
  void take(const inprocess::TargetEvent& event);

 private:
  using RegistryKey = std::tuple<std::string, std::uint32_t, std::uint64_t>;

  pid_t pid_;
  std::optional<inprocess::EventReader> reader_;
  std::map<std::string, KernelHistogram> spans_;
  std::map<std::string, std::uint64_t> events_;
  std::map<RegistryKey, kernel::RegistryReading> registries_;
  LedgerEntry last_ledger_;
};

}  // namespace fanlight::session
