#include "collector/profile/view.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <map>
#include <numeric>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "collector/profile/scale.hpp"

namespace fanlight::profile {
namespace {

constexpr const char* kUnsampled = "[unsampled]";

/// Builds the result: frames taken over from the profile as they are used, markers by name, equal stacks joined.
class Builder {
 public:
  Builder(const Profile& profile, View view, std::string_view unit, bool by_labels)
      : profile_(profile), by_labels_(by_labels) {
    result_.name = name_of(view);
    result_.state_roots = view == View::wall;
    result_.unit = unit;
    result_.from_ns = profile.from_ns;
    result_.to_ns = profile.to_ns;
    result_.realtime_offset_ns = profile.realtime_offset_ns;
    result_.modules = profile.modules;
    result_.executable = profile.target.executable;
    if (by_labels) result_.labels = profile.labels;
    taken_.assign(profile.frames.size(), kNotTaken);
  }

  void rename(std::string name) { result_.name = std::move(name); }

  FrameId marker(const std::string& name) {
    const auto [found, inserted] = markers_.emplace(name, result_.frames.size());
    if (inserted) result_.frames.push_back({.origin = FrameOrigin::marker, .name = name});
    return found->second;
  }

  void take(const Stack& roots, const SampleRow& row, std::uint64_t weight) {
    if (weight == 0) return;
    const Stack& stack = profile_.stacks.at(row.stack);
    scratch_.assign(roots.begin(), roots.end());
    for (const FrameId frame : stack) scratch_.push_back(taken(frame));
    take(scratch_, weight, row.count, by_labels_ ? row.labels : 0, row.reason);
  }
  /// The same, where the weight is a share of a total that has `samples` samples.
  void take(const Stack& roots, const SampleRow& row, std::uint64_t weight, std::uint64_t total,
            std::uint64_t samples) {
    if (weight == 0) return;
    take(roots, row, weight);
    const double n = static_cast<double>(samples) + 4;
    const double share = (static_cast<double>(row.count) + 2) / n;
    const double whole = static_cast<double>(total);
    result_.stacks[last_].variance += whole * whole * std::max(0.0, share * (1 - share)) / n;
  }

  void take(const Stack& whole, std::uint64_t weight, std::uint64_t count, LabelsId labels, Reason reason) {
    if (weight == 0) return;
    last_ = place(whole, labels, reason);
    WeightedStack& stack = result_.stacks[last_];
    stack.weight += weight;
    stack.count += count;
    sampled_weight_ += count > 0 ? weight : 0;
    samples_ += count;
  }

  void take_unsampled(const Stack& roots, std::uint64_t weight, LabelsId labels, Reason reason) {
    Stack whole = roots;
    whole.push_back(marker(kUnsampled));
    take(whole, weight, 0, by_labels_ ? labels : 0, reason);
  }

  WeightedStacks finish(std::uint64_t period = 0) {
    std::sort(result_.stacks.begin(), result_.stacks.end(), [](const WeightedStack& a, const WeightedStack& b) {
      return std::tie(b.weight, a.frames, a.labels) < std::tie(a.weight, b.frames, b.labels);
    });
    result_.period = period;
    if (period == 0 && samples_ > 0) result_.period = std::max<std::uint64_t>(1, sampled_weight_ / samples_);
    return std::move(result_);
  }

 private:
  static constexpr FrameId kNotTaken = ~FrameId{0};

  /// Where the stack is in the result; put there at its first sight.
  std::size_t place(const Stack& whole, LabelsId labels, Reason reason) {
    std::uint64_t hash = 0xcbf29ce484222325 ^ labels;
    for (const FrameId frame : whole) hash = (hash ^ frame) * 0x100000001b3;
    const auto [first, last] = stacks_.equal_range(hash);
    for (auto it = first; it != last; ++it) {
      const WeightedStack& known = result_.stacks[it->second];
      if (known.labels == labels && known.frames == whole) return it->second;
    }
    stacks_.emplace(hash, result_.stacks.size());
    result_.stacks.push_back({.frames = whole, .labels = labels, .reason = reason});
    return result_.stacks.size() - 1;
  }

  FrameId taken(FrameId frame) {
    FrameId& id = taken_.at(frame);
    if (id != kNotTaken) return id;
    const Frame& source = profile_.frames[frame];
    if (source.origin == FrameOrigin::marker) return id = marker(source.name);
    id = static_cast<FrameId>(result_.frames.size());
    result_.frames.push_back(source);
    return id;
  }

  const Profile& profile_;
  WeightedStacks result_;
  std::vector<FrameId> taken_;
  std::map<std::string, FrameId> markers_;
  std::unordered_multimap<std::uint64_t, std::size_t> stacks_;  // by hash, of places in the result
  Stack scratch_;
  bool by_labels_ = false;
  std::size_t last_ = 0;  // the stack that weight was added to last
  std::uint64_t sampled_weight_ = 0;
  std::uint64_t samples_ = 0;
};

std::string thread_name(const Thread& thread) {
  return thread.name.empty() ? "thread " + std::to_string(thread.tid) : thread.name;
}

std::string state_name(Reason reason) {
  const std::string state(name_of(state_of(reason)));
  return reason == Reason::running ? state : state + ": " + std::string(name_of(reason));
}

bool shown(View view, Reason reason) {
  switch (view) {
    case View::on_cpu: return state_of(reason) == State::running;
    case View::runnable: return state_of(reason) == State::runnable;
    case View::off_cpu: return state_of(reason) == State::blocked;
    default: return true;
  }
}

Stack roots(Builder& builder, View view, const Thread& thread, Reason reason) {
  const FrameId name = builder.marker(thread_name(thread));
  if (view == View::wall) return {builder.marker(state_name(reason)), name};
  if (view == View::off_cpu) return {name, builder.marker(std::string(name_of(reason)))};
  return {name};
}

/// The samples that a view scales to one exact total, with what the total is.
using Group = std::vector<const SampleRow*>;

void take_scaled(Builder& builder, const Stack& root, Reason reason, std::uint64_t total, const Group& rows,
                 LabelsId labels = 0) {
  if (rows.empty()) {
    builder.take_unsampled(root, total, labels, reason);
    return;
  }
  std::vector<std::uint64_t> weights;
  weights.reserve(rows.size());
  for (const SampleRow* row : rows) weights.push_back(row->weight);
  const auto shares = scale(total, weights);
  const std::uint64_t samples =
      std::accumulate(rows.begin(), rows.end(), std::uint64_t{0},
                      [](std::uint64_t all, const SampleRow* row) { return all + row->count; });
  for (std::size_t i = 0; i < rows.size(); ++i) {
    builder.take(root, *rows[i], shares[i], total, samples);
  }
}

/// Exact times by label; a set's time is scaled by the samples that have it.
class LabelTimes {
 public:
  explicit LabelTimes(const Profile& profile) : of_thread_(profile.threads.size()) {
    if (profile.label_times.empty()) return;
    std::map<Labels, LabelsId> ids;
    for (LabelsId id = 0; id < profile.labels.size(); ++id) ids.emplace(profile.labels[id], id);
    for (const Labels& labels : profile.labels) {
      const auto base = ids.find(without_trace(labels));
      base_.push_back(base == ids.end() ? 0 : base->second);
    }
    for (const LabelTime& time : profile.label_times) of_thread_.at(time.thread).push_back(&time);
  }

  void take(Builder& builder, const Stack& root, Reason reason, ThreadId thread, std::uint64_t total,
            const Group& rows) const {
    const auto number = static_cast<std::size_t>(reason);
    std::uint64_t labelled = 0;
    for (const LabelTime* time : of_thread_.at(thread)) labelled += time->ns[number];
    if (labelled == 0 || labelled > total) {
      take_scaled(builder, root, reason, total, rows);
      return;
    }
    std::map<LabelsId, Group> groups;
    for (const LabelTime* time : of_thread_[thread])
      if (time->ns[number] > 0) groups[time->labels];
    for (const SampleRow* row : rows) {
      const auto group = groups.find(base_.at(row->labels));
      (group == groups.end() ? groups[0] : group->second).push_back(row);
    }
    for (const LabelTime* time : of_thread_[thread]) {
      if (time->ns[number] == 0) continue;
      take_scaled(builder, root, reason, time->ns[number], groups[time->labels], time->labels);
    }
    if (total > labelled) take_scaled(builder, root, reason, total - labelled, groups[0]);
  }

 private:
  std::vector<std::vector<const LabelTime*>> of_thread_;
  std::vector<LabelsId> base_;  // by set: the set without its trace; 0 where nothing is timed under that
};

void take_raw(Builder& builder, const Stack& root, const Group& rows) {
  for (const SampleRow* row : rows) builder.take(root, *row, row->weight);
}

WeightedStacks time_view(const Profile& profile, View view, bool by_labels) {
  Builder builder(profile, view, profile.target.weight_unit, by_labels);
  const bool exact = sum(totals(profile)) > 0;
  const bool kernel_sampler = std::any_of(profile.samples.begin(), profile.samples.end(),
                                          [](const SampleRow& row) { return row.sampler == Sampler::kernel_cpu; });
  const Sampler of_running = kernel_sampler ? Sampler::kernel_cpu : Sampler::inprocess_cpu;

  std::map<std::pair<ThreadId, Reason>, Group> groups;
  bool by_inprocess = false;
  for (const SampleRow& row : profile.samples) {
    const bool running = row.reason == Reason::running;
    if (row.sampler != (running ? of_running : Sampler::kernel_blocked) || !shown(view, row.reason)) continue;
    groups[{row.thread, row.reason}].push_back(&row);
    by_inprocess = by_inprocess || row.sampler == Sampler::inprocess_cpu;
  }
  if (by_inprocess) builder.rename(std::string(name_of(view)) + " (in-process samples)");

  if (!exact) {
    for (const auto& [key, rows] : groups) {
      take_raw(builder, roots(builder, view, profile.threads.at(key.first), key.second), rows);
    }
  } else {
    const LabelTimes label_times(profile);
    for (ThreadId id = 0; id < profile.threads.size(); ++id) {
      const Thread& thread = profile.threads[id];
      for (std::size_t number = 0; number < kReasons; ++number) {
        const auto reason = static_cast<Reason>(number);
        if (thread.ns[number] == 0 || !shown(view, reason)) continue;
        const auto rows = groups.find({id, reason});
        label_times.take(builder, roots(builder, view, thread, reason), reason, id, thread.ns[number],
                         rows == groups.end() ? Group{} : rows->second);
      }
    }
  }
  const bool steady = view == View::on_cpu && kernel_sampler && profile.target.sample_hz > 0;
  return builder.finish(steady ? 1'000'000'000 / profile.target.sample_hz : 0);
}

std::map<ThreadId, Group> by_thread(const Profile& profile, Sampler sampler) {
  std::map<ThreadId, Group> groups;
  for (const SampleRow& row : profile.samples) {
    if (row.sampler == sampler) groups[row.thread].push_back(&row);
  }
  return groups;
}

WeightedStacks raw_view(const Profile& profile, View view, std::initializer_list<Sampler> samplers, bool by_labels,
                        std::string_view unit = "nanoseconds") {
  Builder builder(profile, view, unit, by_labels);
  for (const Sampler sampler : samplers) {
    for (const auto& [id, rows] : by_thread(profile, sampler)) {
      take_raw(builder, {builder.marker(thread_name(profile.threads.at(id)))}, rows);
    }
  }
  return builder.finish();
}

WeightedStacks waker_view(const Profile& profile, bool by_labels) {
  Builder builder(profile, View::waker, "nanoseconds", by_labels);
  for (const auto& [id, rows] : by_thread(profile, Sampler::wakeup)) {
    const FrameId name = builder.marker(thread_name(profile.threads.at(id)));
    for (const SampleRow* row : rows)
      builder.take({name, builder.marker(std::string(name_of(row->reason)))}, *row, row->weight);
  }
  return builder.finish();
}

WeightedStacks socket_view(const Profile& profile, bool by_labels) {
  Builder builder(profile, View::socket, "bytes", by_labels);
  const auto groups = by_thread(profile, Sampler::socket_write);
  const bool exact = std::any_of(profile.threads.begin(), profile.threads.end(),
                                 [](const Thread& thread) { return thread.socket.bytes > 0; });
  for (ThreadId id = 0; id < profile.threads.size(); ++id) {
    const Thread& thread = profile.threads[id];
    const auto found = groups.find(id);
    const Group& rows = found == groups.end() ? Group{} : found->second;
    if (exact ? thread.socket.bytes == 0 : rows.empty()) continue;
    const Stack root{builder.marker(thread_name(thread))};
    if (exact) {
      take_scaled(builder, root, Reason::running, thread.socket.bytes, rows);
    } else {
      take_raw(builder, root, rows);
    }
  }
  return builder.finish();
}

constexpr std::array<std::string_view, kViews.size()> kNames{"oncpu", "offcpu",    "runnable", "wall",  "socket",
                                                             "map",   "inprocess", "waker",    "faults"};

}  // namespace

std::string_view name_of(View view) { return kNames.at(static_cast<std::size_t>(view)); }

std::optional<View> view_from(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<View>(found - kNames.begin());
}

std::uint64_t WeightedStacks::total() const {
  return std::accumulate(stacks.begin(), stacks.end(), std::uint64_t{0},
                         [](std::uint64_t all, const WeightedStack& stack) { return all + stack.weight; });
}

std::uint64_t WeightedStack::margin() const {
  constexpr double kNinetyFive = 1.96;  // of the normal distribution
  return static_cast<std::uint64_t>(kNinetyFive * std::sqrt(variance));
}

WeightedStacks view(const Profile& profile, View view, bool by_labels) {
  switch (view) {
    case View::socket: return socket_view(profile, by_labels);
    case View::map: return raw_view(profile, view, {Sampler::map_operation, Sampler::registry_operation}, by_labels);
    case View::waker: return waker_view(profile, by_labels);
    case View::inprocess: return raw_view(profile, view, {Sampler::inprocess_cpu}, by_labels);
    case View::faults: return raw_view(profile, view, {Sampler::page_fault}, by_labels, "faults");
    case View::on_cpu:
    case View::off_cpu:
    case View::runnable:
    case View::wall: break;
  }
  return time_view(profile, view, by_labels);
}

}  // namespace fanlight::profile
