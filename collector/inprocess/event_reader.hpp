// The collector's end of a target's events. In: a pid, or a file with what a program left. Out: events and spans by
// name.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/ledger.hpp"

namespace fanlight::inprocess {

struct EventWord {
  std::string field;  // "wait_ns"; empty where the target does not say
  std::uint64_t value = 0;
  std::string text;  // where the word is one
};

struct TargetEvent {
  pid_t tid = 0;              // as the target numbers it
  std::uint64_t time_ns = 0;  // CLOCK_MONOTONIC; of a span: its begin
  bool is_span = false;
  std::uint64_t duration_ns = 0;  // of a span
  std::string name;
  std::vector<EventWord> words;  // of an event
};

/// Reads without writing, as `Reader` does: every byte is hostile, several may read at once. Threads: one at a time.
class EventReader {
 public:
  /// Through /proc/PID/maps. Starts with the events to come. Errors: ENOENT when the target has recorded none yet, not
  /// permitted, unknown layout.
  static Result<EventReader> open(pid_t pid, const std::filesystem::path& root = "/");
  /// A file of that layout, or one that holds it somewhere, as a core file does. Starts with the oldest event that is
  /// there. Errors: no such thing in it.
  static Result<EventReader> open_file(const std::filesystem::path& path);
  EventReader(EventReader&&) noexcept;
  EventReader& operator=(EventReader&&) noexcept;
  ~EventReader();

  using OnEvent = std::function<void(TargetEvent&&)>;
  /// Hands over every event recorded since the last call, thread by thread. Errors: the memory is gone.
  Result<> drain(const OnEvent& on_event);
  /// produced: events between the start of reading and the last `drain`; dropped: "overrun", "malformed"; missed:
  /// "thread without a ring", "name without a slot".
  LedgerEntry ledger() const;

 private:
  struct State;
  explicit EventReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace fanlight::inprocess
