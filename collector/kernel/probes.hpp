// The kernel half: BPF programs, loaded for one target and attached. In: pids. Out: samples and readings.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "collector/kernel/effort.hpp"
#include "collector/kernel/reading.hpp"
#include "core/error.hpp"
#include "core/sample.hpp"

namespace fanlight::kernel {

struct Options {
  pid_t pid = 0;              // as this process's PID namespace numbers it; 0: none yet, see `comm`
  std::vector<pid_t> others;  // watched as well
  bool children = false;      // processes that they start are watched as well
  bool from_exec = false;     // `pid` counts from its next exec on, and nothing that it did before
  std::string executable;     // with `from_exec`: the program's file
  std::string comm;           // whoever becomes a program of that name is watched as well; empty: nobody
  /// More than one process may come, so threads are known by their records: a look-up at each switch of any thread.
  bool several() const { return pid == 0 || !others.empty() || children || from_exec || !comm.empty() || joinable; }
  bool joinable = false;    // processes may be added later
  unsigned sample_hz = 99;  // on-CPU samples per CPU and second
  std::chrono::milliseconds visit_every{
      20};                              // mean time between two visits of the threads that are not running; randomised
  std::uint32_t ring_bytes = 1u << 20;  // power of two, multiple of the page size
  std::uint32_t waits_per_second = 0;   // not 0: so many stacks of waits are taken as they begin, instead of by visits
  bool timeline = false;                // every change of state one by one, from the start; 400 KB for each CPU
  bool unwind = true;                   // stacks by .eh_frame; false: by frame pointers alone
  bool listen = false;                  // to the target's own events: it records them while we are attached
  // Let the kernel time every run of our programs: two clock reads each, and it takes CAP_SYS_ADMIN. Without it, or
  // where it is refused, the busiest of them time one run in 64 themselves.
  bool program_stats = true;
};

/// Where threads of the target keep the pointer to their record of OTEP-4947.
struct LabelAccess {
  std::int64_t offset = 0;   // from the thread pointer; with a module: from the start of its block
  std::uint64_t module = 0;  // of a library whose block is reached through the thread's vector; 0: it has a fixed place
};

/// Attached while it lives; everything detaches when it is destroyed or the process dies, kill -9 included.
/// A probe whose hook this kernel refuses is left out and named in `forms()`; only when none is left is there an error.
/// Threads: one at a time.
class Probes {
 public:
  using OnSample = std::function<void(RawSample&&)>;

  /// Errors: no such process, missing capabilities (named, with the command that grants them), no BTF, nothing could
  /// attach.
  static Result<Probes> attach(const Options& options);
  Probes(Probes&&) noexcept;
  Probes& operator=(Probes&&) = delete;
  ~Probes();

  /// Hands over what the rings hold, waiting up to `timeout` for more, and visits blocked threads when that is due.
  Result<> poll(std::chrono::milliseconds timeout, const OnSample& on_sample);

  /// Everything counted since attach. Threads that ended since the last reading are in it once, with `ended` set.
  /// Attaches the bpf(2) probe when the target has come to hold maps, and detaches it when it holds none any more.
  Result<Reading> read();

  /// Does less, or more again. What it cannot take back (Effort::registry) its form says.
  void set_effort(const Effort& effort);
  /// From now on samples and times carry the labels that a thread has at that moment.
  void follow_labels(const LabelAccess& access);

  /// A set of labels by the number that samples and readings have for it, as the target's record has it; empty when it
  /// is not known. Valid until the next call. Cost: two system calls per set at the first sight of a number.
  std::span<const std::byte> label_attributes(std::uint32_t set);
  /// One more process, from now on; nothing happens when it is watched already. Only where `joinable`. Errors: it is
  /// gone.
  Result<> add(pid_t pid);
  /// With `from_exec`: the target was let go just now, and is becoming that program.
  void started();

  /// Lets timeline records flow again, or no longer; they come with the readings. Only with Options::timeline. Errors:
  /// no scheduler probe; their memory cannot be mapped.
  Result<> trace(bool on);

  const std::vector<Form>& forms() const;

 private:
  struct State;
  explicit Probes(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace fanlight::kernel
