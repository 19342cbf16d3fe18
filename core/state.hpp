// The states of a thread, as C++ values with names. In: `bpf/states.h`. Out: `Reason`, `State`, words for people.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "bpf/states.h"

namespace fanlight {

enum class State : std::uint8_t { running, runnable, blocked };

/// A state with its reason; the numbers are those of `enum fanlight_reason`.
enum class Reason : std::uint8_t {
  running = FANLIGHT_RUNNING,
  runnable_waking = FANLIGHT_RUNNABLE_WAKING,
  runnable_queued = FANLIGHT_RUNNABLE_QUEUED,
  runnable_preempted = FANLIGHT_RUNNABLE_PREEMPTED,
  other = FANLIGHT_BLOCKED_OTHER,
  futex = FANLIGHT_BLOCKED_FUTEX,
  poll = FANLIGHT_BLOCKED_POLL,
  socket_send = FANLIGHT_BLOCKED_SOCKET_SEND,
  socket_receive = FANLIGHT_BLOCKED_SOCKET_RECEIVE,
  pipe = FANLIGHT_BLOCKED_PIPE,
  sleep = FANLIGHT_BLOCKED_SLEEP,
  disk = FANLIGHT_BLOCKED_DISK,
  page_fault = FANLIGHT_BLOCKED_PAGE_FAULT,
  mmap_lock = FANLIGHT_BLOCKED_MMAP_LOCK,
  event = FANLIGHT_BLOCKED_EVENT,
  runnable_throttled = FANLIGHT_RUNNABLE_THROTTLED,
  condition = FANLIGHT_BLOCKED_CONDITION,
  io_uring = FANLIGHT_BLOCKED_IO_URING,
};

inline constexpr std::size_t kReasons = FANLIGHT_REASONS;

/// Nanoseconds (or anything else that adds up) per reason, indexed by `Reason`.
using PerReason = std::array<std::uint64_t, kReasons>;

constexpr State state_of(Reason reason) {
  switch (reason) {
    case Reason::running: return State::running;
    case Reason::runnable_waking:
    case Reason::runnable_queued:
    case Reason::runnable_preempted:
    case Reason::runnable_throttled: return State::runnable;
    default: return State::blocked;
  }
}

/// From a number out of a record or a file; empty when it names no reason.
constexpr std::optional<Reason> reason_from(std::uint64_t number) {
  if (number >= kReasons) return std::nullopt;
  return static_cast<Reason>(number);
}

constexpr std::string_view name_of(State state) {
  constexpr std::array<std::string_view, 3> kNames{"running", "runnable", "blocked"};
  return kNames[static_cast<std::size_t>(state)];
}

/// The reason alone, without its state: "futex", "preempted"; "running" for running.
constexpr std::string_view name_of(Reason reason) {
  constexpr std::array<std::string_view, kReasons> kNames{"running",
                                                          "waking",
                                                          "queued",
                                                          "preempted",
                                                          "other",
                                                          "futex",
                                                          "epoll/poll/select",
                                                          "socket send",
                                                          "socket receive",
                                                          "pipe",
                                                          "sleep",
                                                          "disk",
                                                          "page fault",
                                                          "mmap lock",
                                                          "signal or child exit",
                                                          "throttled",
                                                          "condition",
                                                          "io_uring"};
  return kNames[static_cast<std::size_t>(reason)];
}

/// The rule that tells idle waiting from being blocked on work: a thread is idle while it waits for something to begin,
/// whoever may bring it (epoll, poll and select with any timeout, completions of an io_uring, a signal, the end of a
/// child, a condition variable or semaphore), or for time to pass. It is blocked on work while it waits for what it has
/// begun itself: a lock, room to send, an answer, a pipe, the disk, a page. A reader-writer lock of glibc looks like a
/// condition to the kernel; where a stack is at hand, `waits_for_rwlock` corrects that.
constexpr bool is_idle(Reason reason) {
  return reason == Reason::poll || reason == Reason::sleep || reason == Reason::event || reason == Reason::condition ||
         reason == Reason::io_uring;
}

/// Does a function of this name wait for a reader-writer lock?
constexpr bool waits_for_rwlock(std::string_view function) {
  return function.find("rwlock") != std::string_view::npos || function.find("shared_mutex") != std::string_view::npos;
}

}  // namespace fanlight
