#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "collector/profile/merge.hpp"
#include "collector/profile/window.hpp"

namespace fanlight::profile {
namespace {

/// Rows in order of first appearance, found again by key.
template <class Key, class Row>
class Gather {
 public:
  explicit Gather(std::vector<Row>& rows) : rows_(rows) {}
  void take(Key key, const Row& row) {
    const auto [found, inserted] = index_.emplace(std::move(key), rows_.size());
    if (inserted) {
      rows_.push_back(row);
    } else {
      add(rows_[found->second], row);
    }
  }

 private:
  std::vector<Row>& rows_;
  std::map<Key, std::size_t> index_;
};

SecondPoint second_of(const Slice& slice) {
  SecondPoint second{.from_ns = slice.from_ns, .to_ns = slice.to_ns};
  for (const ThreadSlice& thread : slice.threads) {
    for (std::size_t reason = 0; reason < kReasons; ++reason) second.ns[reason] += thread.ns[reason];
    add(second.socket, thread.socket);
    second.run_queue_ns.merge(thread.run_queue_ns);
  }
  for (const SampleRow& row : slice.samples) {
    if (samples_time(row.sampler)) second.samples += row.count;
  }
  for (const LedgerEntry& entry : slice.ledger) second.dropped += entry.dropped_total();
  second.metrics = slice.metrics;
  return second;
}

/// Adds the points of one slice; thread ids are still those of the tables.
void gather_points(const Tables& tables, const Slice& slice, std::uint32_t second, std::vector<ThreadPoint>& points) {
  struct OnCpu {
    std::uint64_t all = 0, kernel = 0;  // weight of the samples
  };
  std::map<ThreadId, OnCpu> sampled;
  for (const SampleRow& row : slice.samples) {
    if (row.sampler != Sampler::kernel_cpu) continue;
    const Stack& stack = tables.stacks()[row.stack];
    OnCpu& of_thread = sampled[row.thread];
    of_thread.all += row.weight;
    if (!stack.empty() && tables.frames()[stack.back()].origin == FrameOrigin::kernel) of_thread.kernel += row.weight;
  }
  for (const ThreadSlice& thread : slice.threads) {
    for (std::size_t reason = 0; reason < kReasons; ++reason) {
      if (thread.ns[reason] == 0) continue;
      ThreadPoint point{thread.thread, second, static_cast<Reason>(reason), thread.ns[reason]};
      const auto found = sampled.find(thread.thread);
      if (point.reason == Reason::running && found != sampled.end() && found->second.all > 0) {
        const double share = static_cast<double>(found->second.kernel) / static_cast<double>(found->second.all);
        point.kernel_ns = static_cast<std::uint64_t>(share * static_cast<double>(point.ns));
      }
      points.push_back(point);
    }
  }
}

constexpr std::uint32_t kUnused = std::numeric_limits<std::uint32_t>::max();

/// Old ids become new, dense ones, in the order of the old.
class Renumber {
 public:
  explicit Renumber(std::size_t size) : new_id_(size, kUnused) {}
  void use(std::uint32_t id) { new_id_[id] = 0; }
  template <class OnUsed>
  void settle(OnUsed on_used) {
    std::uint32_t next = 0;
    for (std::size_t old = 0; old < new_id_.size(); ++old) {
      if (new_id_[old] == kUnused) continue;
      new_id_[old] = next++;
      on_used(static_cast<std::uint32_t>(old));
    }
  }
  std::uint32_t operator[](std::uint32_t id) const { return new_id_[id]; }

 private:
  std::vector<std::uint32_t> new_id_;
};

std::vector<SampleRow> joined(std::vector<SampleRow> rows) {
  const auto key = [](const SampleRow& row) {
    return std::tuple(row.sampler, row.reason, row.thread, row.stack, row.labels);
  };
  std::sort(rows.begin(), rows.end(), [&](const SampleRow& a, const SampleRow& b) { return key(a) < key(b); });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (kept > 0 && key(rows[kept - 1]) == key(rows[i])) {
      rows[kept - 1].weight += rows[i].weight;
      rows[kept - 1].count += rows[i].count;
      rows[kept - 1].time_ns = std::min(rows[kept - 1].time_ns, rows[i].time_ns);
    } else {
      rows[kept++] = rows[i];
    }
  }
  rows.resize(kept);
  return rows;
}

/// The build-ids of the modules that the profile's frames lie in.
void gather_modules(const Tables& tables, Profile& profile) {
  std::set<std::string_view> used;
  for (const Frame& frame : profile.frames) used.insert(frame.module);
  for (const auto& [path, build_id] : tables.build_ids()) {
    if (used.contains(path)) profile.modules.push_back({path, build_id});
  }
}

/// The samples of all slices, joined, and the stacks, frames and threads that they name.
void gather_samples(const Tables& tables, const std::vector<const Slice*>& slices, Profile& profile) {
  Renumber threads(tables.threads().size());
  Renumber stacks(tables.stacks().size());
  Renumber frames(tables.frames().size());
  Renumber labels(tables.labels().size());
  labels.use(0);
  for (const Slice* slice : slices) {
    for (const ThreadSlice& thread : slice->threads) threads.use(thread.thread);
    for (const Preemption& row : slice->preemptions) threads.use(row.thread);
    for (const TimelineRow& row : slice->timeline) threads.use(row.thread);
    for (const SampleRow& row : slice->samples) {
      threads.use(row.thread);
      stacks.use(row.stack);
      labels.use(row.labels);
    }
    for (const LabelTime& row : slice->label_times) {
      threads.use(row.thread);
      labels.use(row.labels);
    }
  }
  std::vector<StackId> used_stacks;
  stacks.settle([&](StackId id) {
    used_stacks.push_back(id);
    for (const FrameId frame : tables.stacks()[id]) frames.use(frame);
  });
  frames.settle([&](FrameId id) { profile.frames.push_back(tables.frames()[id]); });
  profile.labels.clear();
  labels.settle([&](LabelsId id) { profile.labels.push_back(tables.labels()[id]); });
  gather_modules(tables, profile);
  for (const StackId id : used_stacks) {
    Stack stack = tables.stacks()[id];
    for (FrameId& frame : stack) frame = frames[frame];
    profile.stacks.push_back(std::move(stack));
    profile.found.push_back(tables.found()[id]);
  }
  threads.settle([&](ThreadId id) {
    profile.threads.push_back({.tid = tables.threads()[id].tid,
                               .pid = tables.threads()[id].pid,
                               .name = tables.threads()[id].name,
                               .from_ns = std::numeric_limits<std::uint64_t>::max()});
  });

  Gather<std::pair<ThreadId, std::string>, Preemption> preemptions(profile.preemptions);
  for (const Slice* slice : slices) {
    for (const ThreadSlice& thread : slice->threads) add(profile.threads[threads[thread.thread]], thread);
    for (TimelineRow row : slice->timeline) {
      row.thread = threads[row.thread];
      profile.timeline.push_back(row);
    }
    for (Preemption row : slice->preemptions) {
      row.thread = threads[row.thread];
      preemptions.take({row.thread, row.by}, row);
    }
    for (SampleRow row : slice->samples) {
      row.thread = threads[row.thread];
      row.stack = stacks[row.stack];
      row.labels = labels[row.labels];
      profile.samples.push_back(row);
    }
  }
  Gather<std::pair<ThreadId, LabelsId>, LabelTime> label_times(profile.label_times);
  for (const Slice* slice : slices) {
    for (LabelTime row : slice->label_times) {
      row.thread = threads[row.thread];
      row.labels = labels[row.labels];
      label_times.take({row.thread, row.labels}, row);
    }
  }
  profile.samples = joined(std::move(profile.samples));
  for (ThreadPoint& point : profile.thread_points) point.thread = threads[point.thread];
  for (Thread& thread : profile.threads) {
    if (thread.from_ns <= thread.to_ns) continue;
    // Seen by samples alone: all that is known is that it lived within the range.
    thread.from_ns = profile.from_ns;
    thread.to_ns = profile.to_ns;
  }
}

std::string count_of(std::uint64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

}  // namespace

Profile Window::query(std::uint64_t from_ns, std::uint64_t to_ns) const {
  Profile profile{.target = target_, .realtime_offset_ns = realtime_offset_ns_};
  std::vector<const Slice*> slices;
  profile.seconds.reserve(slices_.size());
  for (const Slice& slice : slices_) {
    profile.seconds.push_back(second_of(slice));
    // A slice of no length is a moment; it belongs where it begins.
    const bool overlaps = slice.from_ns < to_ns && (slice.to_ns > from_ns || slice.from_ns >= from_ns);
    if (!overlaps) continue;
    slices.push_back(&slice);
    gather_points(tables_, slice, static_cast<std::uint32_t>(profile.seconds.size() - 1), profile.thread_points);
  }
  if (!slices.empty()) {
    profile.from_ns = std::numeric_limits<std::uint64_t>::max();
    for (const Slice* slice : slices) {
      profile.from_ns = std::min(profile.from_ns, slice->from_ns);
      profile.to_ns = std::max(profile.to_ns, slice->to_ns);
    }
  }
  gather_samples(tables_, slices, profile);

  Gather<std::uint64_t, Lock> locks(profile.locks);
  Gather<std::pair<std::uint32_t, std::string>, kernel::MapReading> maps(profile.maps);
  Gather<std::uint32_t, kernel::MapState> map_states(profile.map_states);
  Gather<std::uint64_t, kernel::ConnectionReading> connections(profile.connections);
  Gather<std::tuple<std::string, std::uint32_t, std::string>, kernel::RegistryReading> registries(profile.registries);
  Gather<std::pair<std::string, Metric::Kind>, Metric> metrics(profile.metrics);
  Gather<std::string, LedgerEntry> ledger(profile.ledger);
  Gather<std::string, kernel::ProgramCost> programs(profile.cost.programs);
  for (const Slice* slice : slices) {
    for (const auto& lock : slice->locks) locks.take(lock.address, lock);
    for (const auto& map : slice->maps) maps.take({map.map_id, map.operation}, map);
    for (const auto& map : slice->map_states) map_states.take(map.map_id, map);
    for (const auto& connection : slice->connections) connections.take(connection.id, connection);
    for (const auto& row : slice->registries) registries.take({row.registry, row.shard, row.operation}, row);
    for (const auto& metric : slice->metrics) metrics.take({metric.name, metric.kind}, metric);
    for (const auto& entry : slice->ledger) ledger.take(entry.source, entry);
    for (const auto& program : slice->cost.programs) programs.take(program.name, program);
    profile.events.insert(profile.events.end(), slice->events.begin(), slice->events.end());
    profile.cost.cpu_ns += slice->cost.cpu_ns;
    profile.cost.resident_bytes = slice->cost.resident_bytes;
    add(profile.machine, slice->machine);
  }
  const auto say = [&](std::uint64_t count, const std::string& what, const std::string& why) {
    if (count > 0) profile.events.push_back({profile.from_ns, count_of(count, what) + " " + why});
  };
  say(forgotten_, "slice", "at the beginning forgotten: the window's memory cap was reached");
  say(tables_.replaced(), "stack or frame", "joined as [beyond the memory cap]");
  say(refused_, "row", "left out: they named a thread or stack that is not known");
  return profile;
}

}  // namespace fanlight::profile
