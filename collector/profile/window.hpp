// The rolling past under a memory cap. In: slices, one a second. Out: `Profile` for any range (the one range query).
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "collector/profile/profile.hpp"

namespace fanlight::profile {

/// Frames, stacks, label sets and threads, each stored once. Ids are stable and dense: they are only ever appended.
/// Beyond `max_bytes` what is new becomes one marker, "[beyond the memory cap]", so that no weight is lost.
/// Threads: one at a time. Cost: one hash look-up each.
class Tables {
 public:
  Tables() = default;
  explicit Tables(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// The same (origin, module, offset) gives the same id. Markers, and frames without module and offset,
  /// are told apart by name.
  FrameId frame(const Frame& frame);
  /// `found` is part of what a stack is, so the same frames found in two ways are two stacks.
  StackId stack(const Stack& stack, StackFound found = {});
  /// The same set gives the same id; the empty one is 0. `labels` need not be sorted; of a key twice the first counts.
  LabelsId labels(Labels labels);
  /// The id of a set that is there; empty: it is not. `labels` is sorted.
  std::optional<LabelsId> known_labels(const Labels& labels) const;
  /// A new life of `tid`: the id to use from now on.
  ThreadId thread_born(pid_t tid, std::string name);
  /// The current life of `tid`, begun now if it was never seen.
  ThreadId thread(pid_t tid, const std::string& name_if_new);

  void rename_frame(FrameId id, std::string name) { frames_.at(id).name = std::move(name); }
  /// What is known of a place beside its function's name; see Frame.
  void set_source(FrameId id, std::string file, std::uint32_t line, std::vector<Inlined> inlined);
  /// Lower-case hexadecimal; an empty one is not kept.
  void set_build_id(const std::string& module, std::string build_id);
  void rename_thread(ThreadId id, std::string name) { threads_.at(id).name = std::move(name); }
  void set_process(ThreadId id, pid_t pid) { threads_.at(id).pid = pid; }

  const std::vector<Frame>& frames() const { return frames_; }
  const std::vector<Stack>& stacks() const { return stacks_; }
  /// By StackId, as many as there are stacks.
  const std::vector<StackFound>& found() const { return found_; }
  const std::vector<Labels>& labels() const { return labels_; }
  const std::map<std::string, std::string>& build_ids() const { return build_ids_; }
  struct ThreadName {
    pid_t tid = 0;
    std::string name;
    pid_t pid = 0;  // its process; 0: the only one
  };
  const std::vector<ThreadName>& threads() const { return threads_; }
  std::size_t memory_bytes() const { return memory_bytes_; }
  /// How often a frame or stack was replaced by the marker.
  std::uint64_t replaced() const { return replaced_; }

 private:
  FrameId append_frame(const Frame& frame, std::uint64_t hash);
  StackId append_stack(const Stack& stack, StackFound found, std::uint64_t hash);
  FrameId beyond_cap();

  std::vector<Frame> frames_;
  std::vector<Stack> stacks_;
  std::vector<StackFound> found_;
  std::vector<Labels> labels_{{}};
  std::vector<ThreadName> threads_;
  std::map<std::string, std::string> build_ids_;
  std::map<Labels, LabelsId> labels_index_;
  std::unordered_multimap<std::uint64_t, FrameId> frame_by_hash_;
  std::unordered_multimap<std::uint64_t, StackId> stack_by_hash_;
  std::unordered_map<pid_t, ThreadId> current_life_;
  std::size_t memory_bytes_ = 0;
  std::size_t max_bytes_ = std::numeric_limits<std::size_t>::max();
  std::uint64_t replaced_ = 0;
};

/// What one thread did within one slice: growth, not running totals.
struct ThreadSlice {
  ThreadId thread = 0;
  std::uint64_t from_ns = 0;
  std::uint64_t to_ns = 0;
  bool ended = false;
  PerReason ns{};
  std::uint64_t switches_voluntary = 0;
  std::uint64_t switches_preempted = 0;
  std::uint64_t migrations = 0;
  std::uint64_t wakeups = 0;
  KernelHistogram run_queue_ns;
  kernel::SocketCounts socket;
};

/// All that was learned in one stretch of time, about a second. Everything is growth within it.
struct Slice {
  std::uint64_t from_ns = 0;
  std::uint64_t to_ns = 0;
  std::vector<ThreadSlice> threads;
  std::vector<SampleRow> samples;
  std::vector<LabelTime> label_times;
  std::vector<Lock> locks;
  std::vector<Preemption> preemptions;
  std::vector<TimelineRow> timeline;
  std::vector<kernel::MapReading> maps;
  std::vector<kernel::MapState> map_states;
  std::vector<kernel::ConnectionReading> connections;
  std::vector<kernel::RegistryReading> registries;
  std::vector<Metric> metrics;
  std::vector<Event> events;
  Ledger ledger;
  OwnCost cost;
  Machine machine;
};

/// Slices in order of time over one set of tables. When the cap is passed the oldest slice goes and is counted; the
/// newest always stays.
/// Threads: one at a time; readers take `query()`'s result, which shares nothing.
class Window {
 public:
  explicit Window(Target target, std::int64_t realtime_offset_ns, std::size_t max_bytes = std::size_t{256} << 20)
      : target_(std::move(target)),
        realtime_offset_ns_(realtime_offset_ns),
        // Tables cannot forget, ids being stable, so they leave half of the room to slices, which can.
        tables_(max_bytes / 2),
        max_bytes_(max_bytes) {}

  Tables& tables() { return tables_; }
  const Tables& tables() const { return tables_; }
  const Target& target() const { return target_; }
  Target& target() { return target_; }
  std::int64_t realtime_offset_ns() const { return realtime_offset_ns_; }

  /// What a slice names (threads, stacks) must be in `tables()`; rows that name something else are left out and
  /// counted.
  void append(Slice slice);
  const std::deque<Slice>& slices() const { return slices_; }
  std::uint64_t slices_forgotten() const { return forgotten_; }
  std::uint64_t rows_refused() const { return refused_; }

  /// Merges every slice that overlaps [from_ns, to_ns); the defaults take all. A slice is never cut: the profile's own
  /// from_ns and to_ns say what it covers. Frames, stacks and threads that the range does not use are left out. What
  /// was forgotten, refused or replaced for the cap's sake is said by an event.
  /// Cost: O(slices + their rows).
  Profile query(std::uint64_t from_ns = 0, std::uint64_t to_ns = ~std::uint64_t{0}) const;

 private:
  Target target_;
  std::int64_t realtime_offset_ns_ = 0;
  Tables tables_;
  std::deque<Slice> slices_;
  std::size_t max_bytes_ = 0;
  std::size_t slice_bytes_ = 0;
  std::uint64_t forgotten_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace fanlight::profile
