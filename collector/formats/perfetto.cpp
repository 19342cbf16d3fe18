#include "collector/formats/perfetto.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "collector/formats/perfetto.pb.h"
#include "collector/formats/text.hpp"
#include "core/units.hpp"

namespace fanlight::formats {
namespace {

using Kind = kernel::TimelineReading::Kind;

constexpr std::int32_t kPriority = 120;  // of an ordinary thread
constexpr std::uint32_t kMonotonic = 3;
constexpr std::uint32_t kSequence = 1;
constexpr std::uint64_t kProcess = 1;
constexpr std::uint64_t kMostCopies = 10'000;  // of one row of samples

std::string state_name(Reason reason) {
  const std::string state(name_of(state_of(reason)));
  return reason == Reason::running ? state : state + ": " + std::string(name_of(reason));
}

std::int64_t positive(std::uint64_t value) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(value, std::numeric_limits<std::int64_t>::max()));
}

class Writer {
 public:
  std::string write(std::span<const profile::Profile> seconds) {
    if (!seconds.empty()) begin(seconds.front());
    for (const profile::Profile& second : seconds) {
      intern(second);
      for (profile::ThreadId id = 0; id < second.threads.size(); ++id) add_thread(second, second.threads[id]);
      add_process(second);
      add_timeline(second);
      add_samples(second);
    }
    return trace_.SerializeAsString();
  }

 private:
  trace::TracePacket& packet(std::uint64_t time_ns) {
    auto& made = *trace_.add_packet();
    made.set_timestamp(time_ns);
    made.set_timestamp_clock_id(kMonotonic);
    made.set_trusted_packet_sequence_id(kSequence);
    return made;
  }

  void begin(const profile::Profile& first) {
    auto& clocks = *packet(first.from_ns).mutable_clock_snapshot();
    // CLOCK_BOOTTIME is the clock of traces; that it stood still in suspension matters to no one who watches a server.
    const auto real = first.from_ns + static_cast<std::uint64_t>(first.realtime_offset_ns);
    for (const auto& [id, time] : {std::pair{kMonotonic, first.from_ns}, {6u, first.from_ns}, {1u, real}}) {
      auto& clock = *clocks.add_clocks();
      clock.set_clock_id(id);
      clock.set_timestamp(time);
    }
    pid_ = first.target.pid;
    auto& process = *packet(first.from_ns).mutable_track_descriptor();
    process.set_uuid(kProcess);
    process.mutable_process()->set_pid(pid_);
    process.mutable_process()->set_process_name(clean(first.target.name));
  }

  std::uint64_t track_of(const profile::Thread& thread, std::uint64_t time_ns) {
    const auto [found, added] = threads_.try_emplace({thread.tid, thread.name}, next_track_);
    if (!added) return found->second;
    ++next_track_;
    auto& track = *packet(time_ns).mutable_track_descriptor();
    track.set_uuid(found->second);
    track.set_parent_uuid(kProcess);
    track.mutable_thread()->set_pid(pid_);
    track.mutable_thread()->set_tid(thread.tid);
    track.mutable_thread()->set_thread_name(clean(thread.name));
    return found->second;
  }

  void count(std::uint64_t parent, const std::string& name, const char* unit, std::uint64_t time_ns,
             std::int64_t value) {
    const auto [found, added] = counters_.try_emplace({parent, name}, next_track_);
    if (added) {
      ++next_track_;
      auto& track = *packet(time_ns).mutable_track_descriptor();
      track.set_uuid(found->second);
      track.set_parent_uuid(parent);
      track.set_name(name);
      track.mutable_counter()->set_unit_name(unit);
    }
    auto& event = *packet(time_ns).mutable_track_event();
    event.set_type(trace::TrackEvent::TYPE_COUNTER);
    event.set_track_uuid(found->second);
    event.set_counter_value(value);
  }

  void add_thread(const profile::Profile& second, const profile::Thread& thread) {
    const std::uint64_t lived = profile::sum(thread.ns);
    if (lived == 0) return;
    const std::uint64_t track = track_of(thread, second.from_ns);
    std::vector<std::pair<std::uint64_t, Reason>> states;
    for (std::size_t i = 0; i < kReasons; ++i) {
      const auto reason = static_cast<Reason>(i);
      if (thread.ns[i] > 0) states.emplace_back(thread.ns[i], reason);
    }
    std::stable_sort(states.begin(), states.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    std::string name;
    for (std::size_t i = 0; i < std::min<std::size_t>(states.size(), 3); ++i) {
      name += (i > 0 ? ", " : "") + state_name(states[i].second) + " " +
              format_share(static_cast<double>(states[i].first), static_cast<double>(lived));
    }
    auto& open = *packet(thread.from_ns).mutable_track_event();
    open.set_type(trace::TrackEvent::TYPE_SLICE_BEGIN);
    open.set_track_uuid(track);
    open.set_name(name);
    for (const auto& [ns, reason] : states) {
      auto& annotation = *open.add_debug_annotations();
      annotation.set_name(state_name(reason) + " (ns)");
      annotation.set_uint_value(ns);
    }
    auto& close = *packet(std::max(thread.from_ns, thread.to_ns)).mutable_track_event();
    close.set_type(trace::TrackEvent::TYPE_SLICE_END);
    close.set_track_uuid(track);
    const std::string who = thread.name.empty() ? std::to_string(thread.tid) : clean(thread.name);
    for (const auto& [ns, reason] : states) {
      count(track, who + " " + state_name(reason), "ns", second.from_ns, positive(ns));
    }
    count(track, who + " wakeups", "count", second.from_ns, positive(thread.wakeups));
    count(track, who + " run queue p99", "ns", second.from_ns, positive(thread.run_queue_ns.percentile(0.99)));
  }

  /// Real switches, where they were recorded. Who else was on a CPU is not known: it counts as idle.
  void add_timeline(const profile::Profile& second) {
    for (const profile::TimelineRow& row : second.timeline) {
      const profile::Thread& thread = second.threads[row.thread];
      const bool runs = row.kind == Kind::state && row.reason == Reason::running;
      const auto on = running_.find(row.cpu);
      const bool leaves = on != running_.end() && on->second == thread.tid && !runs && row.kind != Kind::wake;
      if (row.kind != Kind::wake && !runs && !leaves) continue;  // became runnable: the waking said so
      auto& bundle = *packet(row.time_ns).mutable_ftrace_events();
      bundle.set_cpu(row.cpu);
      auto& event = *bundle.add_event();
      event.set_timestamp(row.time_ns);
      if (row.kind == Kind::wake) {
        event.set_pid(static_cast<std::uint32_t>(row.waker));
        auto& waking = *event.mutable_sched_waking();
        waking.set_comm(clean(thread.name));
        waking.set_pid(thread.tid);
        waking.set_prio(kPriority);
        waking.set_success(1);
        waking.set_target_cpu(row.cpu);
        continue;
      }
      auto& change = *event.mutable_sched_switch();
      change.set_prev_prio(kPriority);
      change.set_next_prio(kPriority);
      if (runs) {
        event.set_pid(static_cast<std::uint32_t>(on == running_.end() ? 0 : on->second));
        change.set_prev_comm(on == running_.end() ? "swapper" : names_[on->second]);
        change.set_prev_pid(on == running_.end() ? 0 : on->second);
        change.set_next_comm(clean(thread.name));
        change.set_next_pid(thread.tid);
        running_[row.cpu] = thread.tid;
        names_[thread.tid] = clean(thread.name);
      } else {
        event.set_pid(static_cast<std::uint32_t>(thread.tid));
        change.set_prev_comm(clean(thread.name));
        change.set_prev_pid(thread.tid);
        const bool blocked = row.kind == Kind::end || state_of(row.reason) == State::blocked;
        const bool deep = row.reason == Reason::disk || row.reason == Reason::page_fault;
        change.set_prev_state(!blocked ? 0 : deep ? 2 : 1);
        change.set_next_comm("swapper");
        change.set_next_pid(0);
        running_.erase(on);
      }
    }
  }

  void add_process(const profile::Profile& second) {
    std::uint64_t bytes = 0;
    for (const profile::Thread& thread : second.threads) bytes += thread.socket.bytes;
    count(kProcess, "socket bytes written", "bytes", second.from_ns, positive(bytes));
    for (const profile::Metric& metric : second.metrics) {
      if (metric.kind == profile::Metric::Kind::histogram) {
        count(kProcess, clean(metric.name) + " p99", "ns", second.from_ns, positive(metric.histogram.percentile(0.99)));
      } else if (std::isfinite(metric.value)) {
        const double value = std::clamp(metric.value, -9e18, 9e18);
        count(kProcess, clean(metric.name), "count", second.from_ns, static_cast<std::int64_t>(std::llround(value)));
      }
    }
    for (const profile::Event& event : second.events) {
      auto& instant = *packet(event.time_ns).mutable_track_event();
      instant.set_type(trace::TrackEvent::TYPE_INSTANT);
      instant.set_track_uuid(kProcess);
      instant.set_name(clean(event.text));
    }
  }

  template <class Map, class Add>
  std::uint64_t interned(Map& map, const typename Map::key_type& key, Add add) {
    const auto [found, added] = map.try_emplace(key, map.size() + 1);
    if (added) add(found->second);
    return found->second;
  }

  std::uint64_t mapping_of(trace::InternedData& data, const profile::Profile& second, const std::string& module) {
    return interned(mappings_, module, [&](std::uint64_t iid) {
      auto& path = *data.add_mapping_paths();
      path.set_iid(iid);
      path.set_str(clean(module));
      auto& mapping = *data.add_mappings();
      mapping.set_iid(iid);
      mapping.add_path_string_ids(iid);
      const auto known = std::find_if(second.modules.begin(), second.modules.end(),
                                      [&](const profile::Module& one) { return one.path == module; });
      if (known == second.modules.end()) return;
      auto& build_id = *data.add_build_ids();
      build_id.set_iid(iid);
      build_id.set_str(known->build_id);
      mapping.set_build_id(iid);
    });
  }

  /// Names, frames and stacks of this second that no earlier one had, in one packet before the samples.
  void intern(const profile::Profile& second) {
    auto& made = packet(second.from_ns);
    made.set_sequence_flags(stacks_.empty() && frames_.empty() ? 1 : 2);
    auto& data = *made.mutable_interned_data();
    std::vector<std::uint64_t> frames;
    for (const profile::Frame& frame : second.frames) {
      const std::string name = shown_name(frame);
      frames.push_back(interned(frames_, {frame.module, frame.offset, name}, [&](std::uint64_t iid) {
        const std::uint64_t word = interned(words_, name, [&](std::uint64_t id) {
          auto& function = *data.add_function_names();
          function.set_iid(id);
          function.set_str(name);
        });
        auto& added = *data.add_frames();
        added.set_iid(iid);
        added.set_function_name_id(word);
        if (frame.module.empty()) return;
        added.set_mapping_id(mapping_of(data, second, frame.module));
        added.set_rel_pc(frame.offset);
      }));
    }
    callstacks_.clear();
    for (const profile::Stack& stack : second.stacks) {
      std::vector<std::uint64_t> ids;
      for (const profile::FrameId frame : stack) ids.push_back(frames[frame]);
      callstacks_.push_back(interned(stacks_, ids, [&](std::uint64_t iid) {
        auto& added = *data.add_callstacks();
        added.set_iid(iid);
        for (const std::uint64_t id : ids) added.add_frame_ids(id);
      }));
    }
  }

  void add_samples(const profile::Profile& second) {
    for (const profile::SampleRow& row : second.samples) {
      if (row.sampler != Sampler::kernel_cpu) continue;
      const profile::Thread& thread = second.threads[row.thread];
      for (std::uint64_t i = 0; i < std::min(row.count, kMostCopies); ++i) {
        auto& made = packet(row.time_ns > 0 ? row.time_ns : second.from_ns);
        made.set_sequence_flags(2);
        auto& sample = *made.mutable_perf_sample();
        sample.set_pid(static_cast<std::uint32_t>(pid_));
        sample.set_tid(static_cast<std::uint32_t>(thread.tid));
        sample.set_callstack_iid(callstacks_[row.stack]);
      }
    }
  }

  trace::Trace trace_;
  pid_t pid_ = 0;
  std::uint64_t next_track_ = kProcess + 1;
  std::map<std::pair<pid_t, std::string>, std::uint64_t> threads_;
  std::map<std::pair<std::uint64_t, std::string>, std::uint64_t> counters_;
  std::map<std::uint16_t, pid_t> running_;  // by CPU
  std::map<pid_t, std::string> names_;      // of threads that ran
  std::map<std::string, std::uint64_t> words_;
  std::map<std::string, std::uint64_t> mappings_;
  std::map<std::tuple<std::string, std::uint64_t, std::string>, std::uint64_t> frames_;
  std::map<std::vector<std::uint64_t>, std::uint64_t> stacks_;
  std::vector<std::uint64_t> callstacks_;  // of this second, by StackId
};

}  // namespace

std::string perfetto(std::span<const profile::Profile> seconds) { return Writer().write(seconds); }

}  // namespace fanlight::formats
