#include "ui/viewmodel/capture.hpp"

#include <algorithm>
#include <utility>

#include "collector/store/recording.hpp"

namespace fanlight::ui {
namespace {

/// Growth that the profile knows only of the whole range.
void add_sums(const profile::Profile& profile, profile::Slice& slice) {
  slice.locks = profile.locks;
  slice.maps = profile.maps;
  slice.map_states = profile.map_states;
  slice.connections = profile.connections;
  slice.registries = profile.registries;
  slice.events = profile.events;
  slice.ledger = profile.ledger;
  slice.cost = profile.cost;
  slice.machine = profile.machine;
}

}  // namespace

profile::Window window_of(const profile::Profile& profile) {
  profile::Window window(profile.target, profile.realtime_offset_ns);
  profile::Tables& tables = window.tables();
  std::vector<profile::FrameId> frames;
  for (const profile::Frame& frame : profile.frames) frames.push_back(tables.frame(frame));
  std::vector<profile::StackId> stacks;
  for (profile::StackId id = 0; id < profile.stacks.size(); ++id) {
    profile::Stack stack = profile.stacks[id];
    for (profile::FrameId& frame : stack) frame = frames[frame];
    stacks.push_back(tables.stack(stack, id < profile.found.size() ? profile.found[id] : profile::StackFound{}));
  }
  for (const profile::Module& module : profile.modules) tables.set_build_id(module.path, module.build_id);
  std::vector<profile::LabelsId> labels;
  for (const profile::Labels& set : profile.labels) labels.push_back(tables.labels(set));
  std::vector<profile::ThreadId> threads;
  for (const profile::Thread& thread : profile.threads) {
    threads.push_back(tables.thread_born(thread.tid, thread.name));
    tables.set_process(threads.back(), thread.pid);
  }

  std::vector<profile::Slice> slices;
  std::vector<std::size_t> slice_of(profile.seconds.size());
  for (std::size_t i = 0; i < profile.seconds.size(); ++i) {
    const profile::SecondPoint& second = profile.seconds[i];
    slice_of[i] = slices.size();
    slices.push_back({.from_ns = second.from_ns, .to_ns = second.to_ns, .metrics = second.metrics});
  }
  if (slices.empty())
    slices.push_back({.from_ns = profile.from_ns, .to_ns = profile.to_ns, .metrics = profile.metrics});
  const auto in_range = [&](const profile::Slice& slice) {
    return slice.from_ns < profile.to_ns && slice.to_ns > profile.from_ns;
  };
  std::size_t last = slices.size() - 1;
  while (last > 0 && !in_range(slices[last])) --last;

  std::vector<std::vector<profile::ThreadSlice>> rows(slices.size());
  for (auto& row : rows) row.resize(profile.threads.size());
  std::vector<bool> known(profile.threads.size());
  for (const profile::ThreadPoint& point : profile.thread_points) {
    rows[slice_of[point.second]][point.thread].ns[static_cast<std::size_t>(point.reason)] += point.ns;
    known[point.thread] = true;
  }
  for (profile::ThreadId id = 0; id < profile.threads.size(); ++id) {
    const profile::Thread& thread = profile.threads[id];
    for (std::size_t i = 0; i < slices.size(); ++i) {
      profile::ThreadSlice& row = rows[i][id];
      const bool counts_here = i == last;
      if (!known[id] && counts_here) row.ns = thread.ns;
      std::uint64_t lived = 0;
      for (const std::uint64_t ns : row.ns) lived += ns;
      if (lived == 0 && !counts_here) continue;
      row.thread = threads[id];
      row.from_ns = std::clamp(thread.from_ns, slices[i].from_ns, slices[i].to_ns);
      row.to_ns = std::clamp(thread.to_ns, row.from_ns, slices[i].to_ns);
      if (counts_here) {
        row.ended = thread.ended;
        row.switches_voluntary = thread.switches_voluntary;
        row.switches_preempted = thread.switches_preempted;
        row.migrations = thread.migrations;
        row.wakeups = thread.wakeups;
        row.run_queue_ns = thread.run_queue_ns;
        row.socket = thread.socket;
      }
      slices[i].threads.push_back(row);
    }
  }
  const auto at = [&](std::uint64_t time_ns) -> profile::Slice& {
    for (std::size_t i = 0; i <= last; ++i)
      if (in_range(slices[i]) && time_ns >= slices[i].from_ns && time_ns < slices[i].to_ns) return slices[i];
    return slices[last];
  };
  for (profile::SampleRow row : profile.samples) {
    row.thread = threads[row.thread];
    row.stack = stacks[row.stack];
    row.labels = labels[row.labels];
    at(row.time_ns).samples.push_back(row);
  }
  for (profile::LabelTime row : profile.label_times) {
    row.thread = threads[row.thread];
    row.labels = labels[row.labels];
    slices[last].label_times.push_back(row);
  }
  for (profile::Preemption row : profile.preemptions) {
    row.thread = threads[row.thread];
    slices[last].preemptions.push_back(row);
  }
  for (profile::TimelineRow row : profile.timeline) {
    row.thread = threads[row.thread];
    at(row.time_ns).timeline.push_back(row);
  }
  add_sums(profile, slices[last]);
  for (profile::Slice& slice : slices) window.append(std::move(slice));
  return window;
}

Result<> save_capture(const profile::Profile& profile, const std::filesystem::path& path) {
  const profile::Window window = window_of(profile);
  auto recorder = store::Recorder::create(path, window.target(), window.realtime_offset_ns());
  if (!recorder) return std::unexpected(std::move(recorder.error()));
  for (const profile::Slice& slice : window.slices())
    if (auto written = recorder->append(window.tables(), slice); !written) return written;
  return recorder->finish(window.target());
}

}  // namespace fanlight::ui
