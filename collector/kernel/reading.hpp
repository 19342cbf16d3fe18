// What the kernel programs know at one moment, as plain values. In: BPF maps, decoded. Out: counts since attach.
// No libbpf here: the model, the recording and the views include this header on machines without any kernel probe.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bpf/events.h"
#include "core/histogram.hpp"
#include "core/ledger.hpp"
#include "core/state.hpp"

namespace fanlight::kernel {

/// The largest errno that the kernel returns. Source: include/linux/err.h, MAX_ERRNO.
inline constexpr int kMaxErrno = 4095;

/// Writes to sockets by one thread, by whatever call.
struct SocketCounts {
  std::uint64_t writes = 0;       // calls that reached a socket, failed ones included
  std::uint64_t bytes = 0;        // taken by the kernel
  std::uint64_t would_block = 0;  // failed with EAGAIN
  std::uint64_t errors = 0;       // failed with anything else
  /// `errors` by errno, 1 to kMaxErrno; EAGAIN is left to would_block. Less than `errors` where the kernel's table was
  /// full. Of a live thread it is read a moment later than `errors`.
  std::map<int, std::uint64_t> by_errno{};
  bool operator==(const SocketCounts&) const = default;
};

/// Everything counted for one thread since attach, or since its birth where that came later.
struct ThreadReading {
  pid_t tid = 0;              // as the collector's PID namespace numbers it
  pid_t pid = 0;              // its process, likewise
  std::string name;           // the thread's comm
  std::uint64_t from_ns = 0;  // CLOCK_MONOTONIC: attach or birth
  std::uint64_t to_ns = 0;    // CLOCK_MONOTONIC: this reading or death; sum of `ns` = to_ns - from_ns
  bool ended = false;         // dead, or become another program: this reading of it is the last
  bool exec = false;          // with `ended`: it goes on as another program, in a life of its own
  PerReason ns{};             // the interval still open at to_ns included
  /// Of `ns`, by the set of labels that the thread had: what it has without labels is what is left. Time that it ran is
  /// not here, since labels change while it does.
  std::map<std::uint32_t, PerReason> label_ns{};
  std::uint64_t switches_voluntary = 0;
  std::uint64_t switches_preempted = 0;
  std::uint64_t migrations = 0;
  std::uint64_t wakeups = 0;
  KernelHistogram run_queue_ns;  // waking, wakeup or preemption until switched in
  SocketCounts socket;
};

/// The operations of one kind on one BPF map, through bpf(2).
struct MapReading {
  std::uint32_t map_id = 0;
  std::string map_name;
  std::string map_type;   // "hash", "array", ...
  std::string operation;  // "lookup", "update", "delete", "next_key", "lookup_batch", ...
  std::uint64_t count = 0;
  std::uint64_t errors = 0;  // of those, failed
  std::uint64_t total_ns = 0;
  KernelHistogram latency_ns;
};

/// A BPF map that the target holds, as it stands.
struct MapState {
  std::uint32_t map_id = 0;
  std::string name;
  std::string type;
  std::uint64_t max_entries = 0;
  std::optional<std::uint64_t> entries;  // none: a kind of map, or a kernel, that does not count them
};

/// The operations of one kind on one shard of the target's own registry, through USDT fanlight:map_op.
struct RegistryReading {
  std::string registry;  // "mutex"
  std::uint32_t shard = 0;
  std::string operation;  // "insert", "remove", "lookup", "iterate"
  std::uint64_t count = 0;
  std::uint64_t wait_ns = 0;  // for the lock
  std::uint64_t hold_ns = 0;  // of the lock
  KernelHistogram wait;       // ns
};

/// Waits for one futex of the target that are over.
struct LockReading {
  std::uint64_t address = 0;  // in the target
  std::uint32_t command = 0;  // of futex(2), without its flags; 0 is FUTEX_WAIT, which is how glibc waits for a mutex
  pid_t holder = 0;           // as the target numbers it: whom the mutex there named as owner most often; 0: nobody
  std::uint64_t waits = 0;
  std::uint64_t wait_ns = 0;
  KernelHistogram wait;  // ns
};

/// A TCP connection of the target. Sums are since attach, or since it was opened where that came later; the rest is how
/// it stood at the reading.
struct ConnectionReading {
  std::uint64_t id = 0;  // one per connection and run: the same addresses later are another
  std::string local;     // "127.0.0.1:8080", "[::1]:8080"
  std::string peer;
  std::string state;             // "established", "close wait", ...
  std::uint64_t watched_ns = 0;  // how long it has been known
  std::uint64_t sent_bytes = 0;  // retransmitted ones included
  std::uint64_t acknowledged_bytes = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t retransmits = 0;        // segments
  std::uint64_t busy_ns = 0;            // something was on its way to the peer
  std::uint64_t peer_limited_ns = 0;    // of that: the peer's window was full, since it does not read
  std::uint64_t buffer_limited_ns = 0;  // of that: the send buffer was too small to keep the path busy
  std::uint64_t queued_bytes = 0;       // written and not acknowledged
  std::uint64_t most_queued_bytes = 0;  // the largest that was read
  std::uint64_t unsent_bytes = 0;       // of the queue, not even sent
  std::uint64_t unread_bytes = 0;       // received, and the target has not read them
  std::uint64_t stalled_ns = 0;         // for so long nothing of the queue has been acknowledged
  std::uint64_t rtt_ns = 0;             // smoothed; 0: not yet known
  std::uint64_t rtt_deviation_ns = 0;
};

/// A number that the kernel keeps of the target; see `collector/kernel/network.hpp` for their names.
struct MetricReading {
  std::string name;
  enum class Kind : std::uint8_t { counter = 0, gauge = 1, histogram = 2 } kind = Kind::counter;
  double value = 0;           // counter: since attach; gauge: now
  KernelHistogram histogram;  // ns
};

/// How often a thread's CPU was taken by threads of one name.
struct PreemptionReading {
  pid_t tid = 0;            // whose; a number that comes round again goes on counting
  std::string by;           // the comm of who took it
  std::uint64_t count = 0;  // those that are over
  std::uint64_t ns = 0;     // until it was back on a CPU
};

/// One thing that happened to one thread.
struct TimelineReading {
  enum class Kind : std::uint8_t {
    state = FANLIGHT_TIMELINE_STATE,  // it is in `reason` from now on
    wake = FANLIGHT_TIMELINE_WAKE,    // somebody begins to wake it
    end = FANLIGHT_TIMELINE_END,      // it has ended, or become another program
  };
  std::uint64_t time_ns = 0;  // CLOCK_MONOTONIC
  pid_t tid = 0;
  pid_t waker = 0;  // Kind::wake: who; 0: an interrupt
  Kind kind = Kind::state;
  Reason reason = Reason::running;
  std::uint16_t cpu = 0;  // where it happened
};

/// What one BPF program cost so far, by the kernel's own statistics; zeros where those are not permitted.
struct ProgramCost {
  std::string name;
  std::uint64_t runs = 0;
  std::uint64_t run_ns = 0;
};

/// True for programs that run in the collector's own system calls: their time is in its CPU time as well.
inline bool runs_in_collector(const std::string& program) {
  return program == "fl_visit" || program == "fl_threads" || program == "fl_connections" || program == "fl_select" ||
         program == "fl_map_entries" || program == "fl_map_sizes";
}

/// The number of all sets of labels that the kernel had no room to tell apart.
inline constexpr std::uint32_t kLabelsBeyond = 0xffffffff;

/// One probe and the hook that it uses on this kernel.
struct Form {
  std::string probe;  // "scheduler", "on-cpu sampler", "socket writes", ...
  std::string form;   // "tp_btf", "fexit", "perf_event", "iter", "uprobe", "none"
  std::string why;    // why not a better one, or what is missing
};

struct Reading {
  std::uint64_t time_ns = 0;
  std::vector<ThreadReading> threads;
  std::vector<MapReading> maps;
  std::vector<MapState> map_states;
  std::vector<RegistryReading> registries;
  std::vector<LockReading> locks;
  std::vector<ConnectionReading> connections;
  std::vector<MetricReading> metrics;
  std::vector<PreemptionReading> preemptions;
  std::vector<TimelineReading> timeline;  // since the last reading, in order of time
  std::vector<ProgramCost> programs;
  Ledger ledger;
};

}  // namespace fanlight::kernel
