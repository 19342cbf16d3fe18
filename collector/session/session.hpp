// One target being watched: both halves, merged. In: pids. Out: a `Window` that grows by one slice a second.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "collector/profile/window.hpp"
#include "collector/session/kernel_half.hpp"
#include "core/clock.hpp"
#include "core/error.hpp"

namespace fanlight::session {

struct Options {
  pid_t pid = 0;                // the first of them; 0: none yet, see `comm` and `cgroup`
  std::vector<pid_t> others{};  // watched as well
  bool children = false;        // processes that they start are watched as well
  std::string comm{};           // whoever becomes a program of that name is watched as well; empty: nobody
  std::string cgroup{};         // a directory: who is in there, or comes to be, is watched; empty: none
  bool held = false;            // `pid` waits to become `executable`; see Session::started
  std::string executable{};
  unsigned sample_hz = 99;
  std::uint32_t ring_bytes = 1u << 20;
  std::size_t window_bytes = std::size_t{256} << 20;
  std::chrono::milliseconds slice{1000};
  bool kernel = true;  // false: in-process only
  bool inprocess = true;
  bool events = false;         // let the target record its events and spans, which costs it some 40 ns for each
  bool debuginfod = true;      // false: ask no server for debug information, whatever $DEBUGINFOD_URLS says
  bool trace = false;          // every change of state one by one
  double budget = 0;           // share of one CPU that watching may take; 0: no bound
  bool program_stats = false;  // see kernel::Options
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

  /// With Options::held: the target has been let go, and counts from the first instruction of its program.
  void started();
  /// Gathers for up to `timeout`. When a slice is complete it is appended to the window and true is returned.
  Result<bool> step(std::chrono::milliseconds timeout);
  /// Closes the slice that is open, however short, and appends it.
  Result<> flush();
  /// Waits for the names of all frames so far, which otherwise come with later slices. True: they are there.
  bool settle_names(std::chrono::milliseconds patience);
  /// How long the slice that is open has been open.
  std::chrono::nanoseconds open_time() const;
  /// False once the target has exited: all of its processes, or the one that was held. The window then says when, as an
  /// event. A name or a cgroup goes on being watched when nobody is left there.
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
