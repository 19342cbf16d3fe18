// The half of Fanlight that lives inside a target. In: the target's threads and what it counts. Out: stacks and metrics
// in shared memory (layout.h), for any collector that comes by. Needs libc alone, no privilege, and costs nothing to
// speak of while nobody reads: nothing here blocks, allocates after `start`, or fails the target.
#pragma once

#include <cstdint>
#include <ctime>

#include "collector/inprocess/layout.h"

namespace fanlight::inprocess {

struct StartOptions {
  unsigned hz = 99;             // samples per second of CPU time and thread; 0: metrics only; at most 10,000
  unsigned max_threads = 64;    // threads that can be sampled at one time; at most 1024
  unsigned ring_records = 256;  // per thread, a power of two from 2 to 65,536; 1 KiB each, allocated as they are used
  bool unwind_tables = true;    // false: stacks by frame pointers alone
};

/// With a sampler, makes unwind tables of what is loaded, out of its .eh_frame: some ms, and 4 % of the code's size in
/// memory (see `modules_loaded`). Creates the shared memory and installs the SIGPROF handler (SA_RESTART; calls that
/// are never restarted, such as epoll_wait, can return EINTR in threads that hold a ThreadScope). Call once, early in
/// main. Metrics made earlier stay no-ops. A forked child keeps running but publishes nothing. Returns 0 or an errno
/// value: EALREADY when started before, EINVAL for options out of range, EBUSY when the program handles SIGPROF itself,
/// else what memfd_create or mmap said. After an error everything here remains a valid no-op. Threads: one.
[[nodiscard]] int start(const StartOptions& options = {});

/// Takes libraries that were loaded since into the unwind tables, and forgets those unloaded. A `ThreadScope` does the
/// same when it begins. Threads: any, not in a signal handler. Cost: under 1 us when nothing has changed.
void modules_loaded();

/// Names the calling thread (cut to 15 bytes; null leaves it) and samples its stack until destroyed, in the thread that
/// made it. A second one inside the first only renames. Stacks are walked by the unwind tables, inside the thread's own
/// stack; where code has none, by frame pointers. No ring left, or no timer: the thread is counted as refused.
class ThreadScope {
 public:
  explicit ThreadScope(const char* name);
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

  /// True when this scope took a ring and a timer.
  bool sampling() const { return ring_ != nullptr; }

 private:
  fanlight_inprocess_ring* ring_ = nullptr;
  timer_t timer_{};
  bool unblocked_ = false;
};

/// The stripe of counters that the calling thread adds to. Cost: a thread-local load.
unsigned counter_stripe();

/// Counts up. Two of the same name are the same counter. Names: up to 47 bytes. Before `start`, or past the last slot:
/// a no-op that the header counts. Threads: any. Cost: one uncontended atomic addition, a few ns.
class Counter {
 public:
  explicit Counter(const char* name);
  void add(std::uint64_t amount = 1) {
    __atomic_fetch_add(&slot_->stripes[counter_stripe()].value, amount, __ATOMIC_RELAXED);
  }

 private:
  fanlight_inprocess_metric* slot_;
};

/// A level that goes up and down. As `Counter` otherwise.
class Gauge {
 public:
  explicit Gauge(const char* name);
  void set(std::int64_t value) { __atomic_store_n(&slot_->gauge, value, __ATOMIC_RELAXED); }
  void add(std::int64_t amount) { __atomic_fetch_add(&slot_->gauge, amount, __ATOMIC_RELAXED); }

 private:
  fanlight_inprocess_metric* slot_;
};

/// Durations, in buckets 12.5 % wide. As `Counter` otherwise; threads that record the same duration share a line.
class HistogramMetric {
 public:
  explicit HistogramMetric(const char* name);
  void record(std::uint64_t ns, std::uint64_t times = 1);

 private:
  fanlight_inprocess_metric* slot_;
};

}  // namespace fanlight::inprocess
