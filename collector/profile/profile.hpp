// The model: what is known of a target over a range of time. In: slices (`window.hpp`). Out: views (`view.hpp`).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collector/kernel/reading.hpp"
#include "core/histogram.hpp"
#include "core/ledger.hpp"
#include "core/sample.hpp"
#include "core/state.hpp"

namespace fanlight::profile {

using FrameId = std::uint32_t;   // index into Profile::frames
using StackId = std::uint32_t;   // index into Profile::stacks
using ThreadId = std::uint32_t;  // index into Profile::threads: one per life of a thread, so a reused tid is two
using LabelsId = std::uint32_t;  // index into Profile::labels; 0 is the empty set, always

enum class FrameOrigin : std::uint8_t { user = 0, kernel = 1, marker = 2 };  // stored: append, never renumber

/// A function that the compiler copied into its caller.
struct Inlined {
  std::string name;  // demangled
  std::string file;  // source file; empty: unknown
  std::uint32_t line = 0;
  bool operator==(const Inlined&) const = default;
};

/// One place in code. Two samples at the same place share one frame, whatever address the module was loaded at. Without
/// module and offset, as other tools' files have them, places are told apart by name.
struct Frame {
  FrameOrigin origin = FrameOrigin::user;
  std::string module;        // user: path as the target sees it; kernel: "[kernel]"; marker: empty
  std::uint64_t offset = 0;  // user: offset of the instruction within the file; kernel: address
  std::string name;          // demangled; "[module+0xoffset]" while or where nothing better is known
  std::string file;          // of the line in `name`: this place, or the call of inlined[0]; empty: unknown
  std::uint32_t line = 0;
  std::vector<Inlined> inlined;  // what runs at this place within `name`: caller before callee
  bool operator==(const Frame&) const = default;
};

/// Frames, root first: the thread's entry, ..., the leaf; kernel frames follow the user frames that led to them.
using Stack = std::vector<FrameId>;

/// How each frame of a stack was found, in the stack's order. Empty: of none is it told.
using StackFound = std::vector<FrameFound>;

/// What a target said of its work at the moment of a sample; sorted by key, no key twice.
using Labels = std::vector<std::pair<std::string, std::string>>;

/// A file of code that frames lie in.
struct Module {
  std::string path;      // as Frame::module has it
  std::string build_id;  // lower-case hexadecimal
  bool operator==(const Module&) const = default;
};

struct Thread {
  pid_t tid = 0;
  pid_t pid = 0;  // its process; 0: the only one
  std::string name;
  std::uint64_t from_ns = 0;  // first seen: attach, birth, or the range's start
  std::uint64_t to_ns = 0;    // last seen
  bool ended = false;
  PerReason ns{};  // exact; adds up to to_ns - from_ns. All zero: no kernel probes
  std::uint64_t switches_voluntary = 0;
  std::uint64_t switches_preempted = 0;
  std::uint64_t migrations = 0;
  std::uint64_t wakeups = 0;
  KernelHistogram run_queue_ns;
  kernel::SocketCounts socket;
};

/// All samples of one kind that share thread, reason, stack and labels.
struct SampleRow {
  Sampler sampler = Sampler::kernel_cpu;
  Reason reason = Reason::running;
  ThreadId thread = 0;
  StackId stack = 0;
  std::uint64_t weight = 0;  // unit: see Sampler
  std::uint64_t count = 0;   // events that these samples stand for
  LabelsId labels = 0;
  std::uint64_t time_ns = 0;  // CLOCK_MONOTONIC of the first of them; 0 where it was not kept
  bool operator==(const SampleRow&) const = default;
};

/// Exact time of a thread with one set of labels, by reason; the rest of the thread's time is without labels. Never
/// running: labels change while a thread runs, so there the samples say.
struct LabelTime {
  ThreadId thread = 0;
  LabelsId labels = 0;
  PerReason ns{};
  bool operator==(const LabelTime&) const = default;
};

/// A number that the target publishes about itself through `collector/inprocess`, or that the kernel keeps of it.
struct Metric {
  std::string name;  // "deliveries", "publishes", "connections", "delivery_latency"; the kernel's: see of_kernel
  enum class Kind : std::uint8_t { counter = 0, gauge = 1, histogram = 2 } kind = Kind::counter;
  double value = 0;           // counter: growth over the range; gauge: last value
  KernelHistogram histogram;  // Kind::histogram: what was added over the range, ns
};

/// The names of what the kernel keeps begin so: "kernel_tcp_retransmits".
inline constexpr std::string_view kKernelPrefix = "kernel_";
inline bool of_kernel(const Metric& metric) { return metric.name.starts_with(kKernelPrefix); }

/// Waits for one lock of the target.
struct Lock {
  std::uint64_t address = 0;  // in the target
  std::string name;           // of the variable at the address; empty while unknown
  std::string holder;         // who held it most often when somebody began to wait; empty: unknown
  std::uint64_t waits = 0;
  std::uint64_t wait_ns = 0;
  KernelHistogram wait;  // ns
};

/// One thing that happened to one thread.
struct TimelineRow {
  std::uint64_t time_ns = 0;  // CLOCK_MONOTONIC
  ThreadId thread = 0;
  kernel::TimelineReading::Kind kind = kernel::TimelineReading::Kind::state;
  Reason reason = Reason::running;  // Kind::state: what it is in from now on
  std::uint16_t cpu = 0;            // where it happened
  pid_t waker = 0;                  // Kind::wake: the tid of who wakes it; 0: an interrupt
  bool operator==(const TimelineRow&) const = default;
};

/// One thread's CPU taken by threads of one name.
struct Preemption {
  ThreadId thread = 0;  // whose
  std::string by;       // a thread's name
  std::uint64_t count = 0;
  std::uint64_t ns = 0;  // until it was back on a CPU
  bool operator==(const Preemption&) const = default;
};

/// Something that happened to the measurement itself.
struct Event {
  enum class Kind : std::uint8_t { note = 0, governor = 1 };  // stored: append, never renumber
  std::uint64_t time_ns = 0;
  std::string text;        // "target exited after 4.2 s"
  Kind kind = Kind::note;  // governor: the collector changed its own rates to keep within its budget
  bool operator==(const Event&) const = default;
};

struct Target {
  pid_t pid = 0;
  std::string name;        // comm
  std::string executable;  // path as the target sees it
  std::string kernel;      // release
  std::string host;
  unsigned sample_hz = 0;
  std::vector<kernel::Form> forms;
  std::string weight_unit = "nanoseconds";  // of time samples; "samples" where another tool's file does not tell
};

/// One second (or less, at the ends) in a few numbers, for plots over time.
struct SecondPoint {
  std::uint64_t from_ns = 0;
  std::uint64_t to_ns = 0;
  PerReason ns{};  // of all threads together
  std::uint64_t samples = 0;
  kernel::SocketCounts socket;
  std::uint64_t dropped = 0;  // of all ledger entries
  KernelHistogram run_queue_ns;
  std::vector<Metric> metrics;  // growth within the second
};

/// What one thread did in one of the profile's `seconds`: its time in one reason.
struct ThreadPoint {
  ThreadId thread = 0;
  std::uint32_t second = 0;  // index into Profile::seconds
  Reason reason = Reason::running;
  std::uint64_t ns = 0;
  std::uint64_t kernel_ns = 0;  // Reason::running: of `ns`, within the kernel, as far as samples tell
  bool operator==(const ThreadPoint&) const = default;
};

/// Time of all CPUs that no thread can call its own, in steps of a tick; part of the running time of whoever it met.
struct Machine {
  std::uint64_t interrupts_ns = 0;
  std::uint64_t soft_interrupts_ns = 0;
  std::uint64_t stolen_ns = 0;  // the host ran somebody else
  bool operator==(const Machine&) const = default;
};

/// What the collector itself used over the range.
struct OwnCost {
  std::uint64_t cpu_ns = 0;
  std::uint64_t resident_bytes = 0;  // at the end
  std::vector<kernel::ProgramCost> programs;
};

/// Everything that report, export, serve and the dashboard may ask of a range of time. Copyable, self-contained.
struct Profile {
  Target target;
  std::uint64_t from_ns = 0;  // CLOCK_MONOTONIC
  std::uint64_t to_ns = 0;
  std::int64_t realtime_offset_ns = 0;  // CLOCK_REALTIME less CLOCK_MONOTONIC
  std::vector<Thread> threads;
  std::vector<Frame> frames;
  std::vector<Stack> stacks;
  std::vector<StackFound> found;  // by StackId; may end early, as where nothing is told
  std::vector<Labels> labels{{}};
  std::vector<Module> modules;  // those whose build-id is known
  std::vector<SampleRow> samples;
  std::vector<LabelTime> label_times;        // growth over the range
  std::vector<Lock> locks;                   // growth over the range
  std::vector<Preemption> preemptions;       // growth over the range
  std::vector<TimelineRow> timeline;         // in order of time; empty unless it was asked for
  std::vector<kernel::MapReading> maps;      // growth over the range
  std::vector<kernel::MapState> map_states;  // the last of each map
  /// Sums are growth over the range. Of many only those that stand out were kept; metrics count all.
  std::vector<kernel::ConnectionReading> connections;
  std::vector<kernel::RegistryReading> registries;  // growth over the range
  std::vector<Metric> metrics;
  std::vector<Event> events;
  std::vector<SecondPoint> seconds;        // of the whole window, also outside the range
  std::vector<ThreadPoint> thread_points;  // of the range only; by second, then by thread; none where it is 0
  Ledger ledger;                           // growth over the range
  OwnCost cost;
  Machine machine;
};

/// Exact nanoseconds per reason, all threads together. Cost: O(threads).
PerReason totals(const Profile& profile);

/// The key under which a sample's set of labels has the W3C trace id of what it worked for, in hexadecimal.
inline constexpr const char* kTraceKey = "trace_id";

/// The key of the spans that a thread was within, outermost first, and what stands between them.
inline constexpr const char* kSpanKey = "span";
inline constexpr const char* kSpanSeparator = " / ";

/// `labels` as they are counted in LabelTime: without the trace, since traces are without number.
Labels without_trace(const Labels& labels);

/// Sum of `ns` over all reasons.
std::uint64_t sum(const PerReason& ns);

}  // namespace fanlight::profile
