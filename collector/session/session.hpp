// One target being watched: both halves, merged. In: a pid. Out: a `Window` that grows by one slice a second.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "collector/profile/window.hpp"
#include "collector/session/kernel_half.hpp"
#include "core/clock.hpp"
#include "core/error.hpp"

namespace fanlight::session {

struct Options {
  pid_t pid = 0;
  unsigned sample_hz = 99;
  std::uint32_t ring_bytes = 1u << 20;
  std::size_t window_bytes = std::size_t{256} << 20;
  std::chrono::milliseconds slice{1000};
  bool kernel = true;  // false: in-process only
  bool inprocess = true;
  bool events = false;  // let the target record its events and spans, which costs it some 40 ns for each
  std::function<std::uint64_t()> now_ns = monotonic_ns;
};

/// Degrades in steps: without kernel probes the in-process sampler alone, and the window's target says what is missing.
/// Threads: one drives it (`step`, `flush`, `window`); `query` from any.
class Session {
 public:
  /// Errors: no such process; neither half can see anything (the kernel's reason, its hint).
  static Result<Session> attach(const Options& options);
  /// The same with `kernel` for the kernel's half, where it is not null.
  static Result<Session> attach(const Options& options, std::unique_ptr<KernelHalf> kernel);
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  /// Gathers for up to `timeout`. When a slice is complete it is appended to the window and true is returned.
  Result<bool> step(std::chrono::milliseconds timeout);
  /// Closes the slice that is open, however short, and appends it.
  Result<> flush();
  /// Waits for the names of all frames so far, which otherwise come with later slices.
  void settle_names(std::chrono::milliseconds patience);
  /// How long the slice that is open has been open.
  std::chrono::nanoseconds open_time() const;
  /// False once the target has exited; the window then says when, as an event.
  bool target_alive() const;
  const profile::Window& window() const;
  /// The one range query, safe while another thread drives the session. Cost: as Window::query, and the driver waits
  /// for it.
  profile::Profile query(std::uint64_t from_ns, std::uint64_t to_ns) const;
  /// Counts since attach, without stacks; threads that ended are one row, "(ended threads)". For /metrics: unlike a
  /// query it does not shrink when the window forgets. From any thread. Cost: O(threads + maps).
  profile::Profile since_attach() const;

 private:
  struct State;
  explicit Session(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace fanlight::session
