#include "ui/model/timeline.hpp"

#include <algorithm>
#include <cmath>

namespace fanlight::ui {
namespace {

constexpr std::size_t kEventsPerBin = 8;   // on average, of the finest level
constexpr std::size_t kFan = 4;            // bins of one level in a bin of the next
constexpr std::size_t kFewPerColumn = 32;  // events; up to there the exact way is as cheap
constexpr double kBinsPerColumn = 2;       // at least: a bin then lies in one column or in two
constexpr double kWhole = 65535;

void share_out(std::uint64_t begin, std::uint64_t end, std::uint64_t from_ns, double per_column, std::size_t reason,
               std::span<PerReason> sums) {
  const auto edge = [&](std::size_t column) {
    return from_ns + static_cast<std::uint64_t>(per_column * static_cast<double>(column));
  };
  auto column = static_cast<std::size_t>(static_cast<double>(begin - from_ns) / per_column);
  column = std::min(column, sums.size() - 1);
  while (column > 0 && edge(column) > begin) --column;
  for (; begin < end && column < sums.size(); ++column) {
    const std::uint64_t until = column + 1 == sums.size() ? end : std::min(end, edge(column + 1));
    if (until <= begin) continue;
    sums[column][reason] += until - begin;
    begin = until;
  }
}

}  // namespace

std::pair<std::size_t, std::size_t> TimelineChunk::Track::between(std::uint64_t from_ns, std::uint64_t to_ns) const {
  const auto after = std::upper_bound(times.begin(), times.end(), from_ns);
  const auto first = after == times.begin() ? after : std::prev(after);
  const auto last = std::lower_bound(first, times.end(), to_ns);
  return {static_cast<std::size_t>(first - times.begin()), static_cast<std::size_t>(last - times.begin())};
}

TimelineChunk::TimelineChunk(std::uint64_t from_ns, std::uint64_t to_ns, std::vector<std::vector<StateEvent>> events,
                             std::vector<Wake> wakes)
    : from_ns_(from_ns), to_ns_(std::max(to_ns, from_ns)), wakes_(std::move(wakes)) {
  tracks_.resize(events.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    Track& track = tracks_[i];
    track.times.reserve(events[i].size());
    track.reasons.reserve(events[i].size());
    for (const StateEvent& event : events[i]) {
      if (event.from_ns >= to_ns_) break;
      const std::uint64_t at = std::max(event.from_ns, from_ns_);
      const std::uint8_t reason = event.reason ? static_cast<std::uint8_t>(*event.reason) : kUnknown;
      if (!track.times.empty() && track.times.back() == at) {
        track.reasons.back() = reason;
      } else if (track.reasons.empty() || track.reasons.back() != reason) {
        track.times.push_back(at);
        track.reasons.push_back(reason);
      }
    }
    events[i] = {};
    build_levels(track);
    events_ += track.times.size();
    memory_bytes_ += track.times.capacity() * 8 + track.reasons.capacity() + sizeof(Track);
    for (const Level& level : track.levels) memory_bytes_ += level.bins.size() * sizeof(Bin);
  }
  memory_bytes_ += wakes_.capacity() * sizeof(Wake);
}

void TimelineChunk::build_levels(Track& track) const {
  const std::size_t finest = track.times.size() / kEventsPerBin;
  const std::uint64_t length = to_ns_ - from_ns_;
  if (finest < kFan || length < finest) return;
  Level level{.width_ns = length / finest + 1};
  level.bins.resize((length + level.width_ns - 1) / level.width_ns);
  std::vector<PerReason> sums(level.bins.size());
  for (std::size_t i = 0; i < track.times.size(); ++i) {
    if (track.reasons[i] == kUnknown) continue;
    std::uint64_t begin = track.times[i];
    const std::uint64_t end = track.end_of(i, to_ns_);
    for (std::size_t bin = (begin - from_ns_) / level.width_ns; begin < end; ++bin) {
      const std::uint64_t until = std::min(end, from_ns_ + (bin + 1) * level.width_ns);
      sums[bin][track.reasons[i]] += until - begin;
      begin = until;
    }
  }
  for (;;) {
    for (std::size_t bin = 0; bin < sums.size(); ++bin)
      for (std::size_t reason = 0; reason < kReasons; ++reason)
        level.bins[bin][reason] = static_cast<std::uint16_t>(
            std::lround(static_cast<double>(sums[bin][reason]) / static_cast<double>(level.width_ns) * kWhole));
    const std::size_t next = (sums.size() + kFan - 1) / kFan;
    const std::uint64_t wider = level.width_ns * kFan;
    track.levels.push_back(std::move(level));
    if (next < kFan) return;
    for (std::size_t bin = 0; bin < sums.size(); ++bin) {
      const PerReason part = sums[bin];
      if (bin % kFan == 0) sums[bin / kFan] = {};
      for (std::size_t reason = 0; reason < kReasons; ++reason) sums[bin / kFan][reason] += part[reason];
    }
    sums.resize(next);
    level = {.width_ns = wider, .bins = std::vector<Bin>(next)};
  }
}

std::vector<StateEvent> TimelineChunk::events_of(TrackId track) const {
  std::vector<StateEvent> events;
  if (track >= tracks_.size()) return events;
  const Track& at = tracks_[track];
  for (std::size_t i = 0; i < at.times.size(); ++i)
    events.push_back(
        {at.times[i], at.reasons[i] == kUnknown ? std::nullopt : std::optional(static_cast<Reason>(at.reasons[i]))});
  return events;
}

void TimelineChunk::add_exact(const Track& track, std::uint64_t from_ns, std::uint64_t to_ns,
                              std::span<PerReason> sums) const {
  const double per_column = static_cast<double>(to_ns - from_ns) / static_cast<double>(sums.size());
  const auto [first, last] = track.between(from_ns, to_ns);
  for (std::size_t i = first; i < last; ++i) {
    if (track.reasons[i] == kUnknown) continue;
    const std::uint64_t begin = std::max(track.times[i], from_ns), end = std::min(track.end_of(i, to_ns_), to_ns);
    if (begin < end) share_out(begin, end, from_ns, per_column, track.reasons[i], sums);
  }
}

void TimelineChunk::add_columns(TrackId id, std::uint64_t from_ns, std::uint64_t to_ns,
                                std::span<PerReason> sums) const {
  if (id >= tracks_.size() || sums.empty() || to_ns <= from_ns) return;
  const Track& track = tracks_[id];
  const double per_column = static_cast<double>(to_ns - from_ns) / static_cast<double>(sums.size());
  const Level* level = nullptr;
  for (const Level& candidate : track.levels)
    if (static_cast<double>(candidate.width_ns) * kBinsPerColumn <= per_column) level = &candidate;
  if (level == nullptr) return add_exact(track, from_ns, to_ns, sums);
  const auto [first, last] = track.between(from_ns, to_ns);
  if (last - first <= sums.size() / 4 + kFewPerColumn) return add_exact(track, from_ns, to_ns, sums);
  const std::uint64_t begin = std::max(from_ns, from_ns_), end = std::min(to_ns, to_ns_);
  if (begin >= end) return;
  const auto width = static_cast<double>(level->width_ns);
  const std::size_t first_bin = (begin - from_ns_) / level->width_ns, last_bin = (end - 1 - from_ns_) / level->width_ns;
  for (std::size_t bin = first_bin; bin <= last_bin; ++bin) {
    const std::uint64_t bin_from = from_ns_ + bin * level->width_ns;
    const std::uint64_t left = std::max(bin_from, begin), right = std::min(bin_from + level->width_ns, end);
    if (left >= right) continue;
    const auto column =
        std::min(sums.size() - 1, static_cast<std::size_t>(static_cast<double>(left - from_ns) / per_column));
    const double border =
        static_cast<double>(from_ns) + per_column * static_cast<double>(column + 1) - static_cast<double>(left);
    const double whole = static_cast<double>(right - left);
    const double here = column + 1 < sums.size() ? std::clamp(border, 0.0, whole) : whole;
    for (std::size_t reason = 0; reason < kReasons; ++reason) {
      const std::uint16_t share = level->bins[bin][reason];
      if (share == 0) continue;
      // The last bin reaches beyond the chunk's end, where there is nothing.
      const double known = std::min(width, static_cast<double>(to_ns_ - bin_from));
      const double ns = share / kWhole * width * whole / known;
      const auto part = static_cast<std::uint64_t>(ns * here / whole + 0.5);
      sums[column][reason] += part;
      if (here < whole) sums[column + 1][reason] += static_cast<std::uint64_t>(ns * (whole - here) / whole + 0.5);
    }
  }
}

std::size_t Timeline::events() const {
  std::size_t sum = 0;
  for (const auto& chunk : chunks_) sum += chunk->events();
  return sum;
}

std::size_t Timeline::memory_bytes() const {
  std::size_t sum = 0;
  for (const auto& chunk : chunks_) sum += chunk->memory_bytes();
  return sum;
}

std::optional<TrackId> Timeline::track_of(pid_t tid, const std::string& name) const {
  const auto found = std::find(tracks_.begin(), tracks_.end(), TrackName{tid, name});
  if (found == tracks_.end()) return std::nullopt;
  return static_cast<TrackId>(found - tracks_.begin());
}

std::vector<PerReason> Timeline::columns(TrackId track, std::uint64_t from_ns, std::uint64_t to_ns,
                                         std::size_t count) const {
  std::vector<PerReason> sums(count);
  for (const auto& chunk : chunks_)
    if (chunk->to_ns() > from_ns && chunk->from_ns() < to_ns) chunk->add_columns(track, from_ns, to_ns, sums);
  return sums;
}

std::vector<std::span<const Wake>> Timeline::wake_spans(std::uint64_t from_ns, std::uint64_t to_ns) const {
  const auto before = [](const Wake& wake, std::uint64_t at) { return wake.time_ns < at; };
  std::vector<std::span<const Wake>> spans;
  for (const auto& chunk : chunks_) {
    if (chunk->to_ns() <= from_ns || chunk->from_ns() >= to_ns) continue;
    const auto wakes = chunk->wakes();
    const auto first = std::lower_bound(wakes.begin(), wakes.end(), from_ns, before);
    spans.emplace_back(first, std::lower_bound(first, wakes.end(), to_ns, before));
  }
  return spans;
}

std::size_t Timeline::wake_count(std::uint64_t from_ns, std::uint64_t to_ns) const {
  std::size_t count = 0;
  for (const auto& span : wake_spans(from_ns, to_ns)) count += span.size();
  return count;
}

std::vector<Wake> Timeline::wakes(std::uint64_t from_ns, std::uint64_t to_ns, std::size_t most) const {
  const std::size_t all = wake_count(from_ns, to_ns);
  const std::size_t step = most == 0 ? 0 : (all + most - 1) / most;
  std::vector<Wake> chosen;
  std::size_t number = 0;
  for (const auto& span : wake_spans(from_ns, to_ns))
    for (const Wake& wake : span)
      if (step > 0 && number++ % step == 0) chosen.push_back(wake);
  return chosen;
}

TrackId TimelineStore::track(const profile::Thread& thread) {
  const auto [found, fresh] =
      index_.emplace(std::pair(thread.tid, thread.name), static_cast<TrackId>(state_.tracks_.size()));
  if (fresh) {
    state_.tracks_.push_back({thread.tid, thread.name});
    now_.emplace_back();
  }
  return found->second;
}

void TimelineStore::take(const profile::Profile& profile) {
  if (profile.timeline.empty()) return;
  // A collector that began anew, or a target that is another: what was known is of another time.
  if (!state_.chunks_.empty() && profile.timeline.back().time_ns < state_.from_ns()) {
    *this = TimelineStore(max_bytes_);
  }
  const bool gap = !state_.chunks_.empty() && profile.timeline.front().time_ns > state_.to_ns();
  if (gap) std::fill(now_.begin(), now_.end(), std::nullopt);
  const std::uint64_t from = state_.chunks_.empty() ? profile.timeline.front().time_ns : state_.to_ns();
  const std::uint64_t to = profile.timeline.back().time_ns + 1;
  if (to <= from) return;
  std::vector<TrackId> ids;
  for (const profile::Thread& thread : profile.threads) ids.push_back(track(thread));
  std::vector<std::vector<StateEvent>> events(state_.tracks_.size());
  for (std::size_t i = 0; i < events.size(); ++i)
    if (now_[i]) events[i].push_back({from, now_[i]});
  std::vector<Wake> wakes;
  for (const profile::TimelineRow& row : profile.timeline) {
    if (row.time_ns < from || row.thread >= ids.size()) continue;
    const TrackId id = ids[row.thread];
    switch (row.kind) {
      case kernel::TimelineReading::Kind::wake: wakes.push_back({row.time_ns, id, row.waker, row.cpu}); continue;
      case kernel::TimelineReading::Kind::state: now_[id] = row.reason; break;
      case kernel::TimelineReading::Kind::end: now_[id] = std::nullopt; break;
    }
    events[id].push_back({row.time_ns, now_[id]});
  }
  // The kernel's rings are one for each CPU, so neighbours in time may come in either order.
  for (auto& track : events)
    std::stable_sort(track.begin(), track.end(),
                     [](const StateEvent& a, const StateEvent& b) { return a.from_ns < b.from_ns; });
  state_.chunks_.push_back(std::make_shared<const TimelineChunk>(from, to, std::move(events), std::move(wakes)));
  join_small();
  while (state_.chunks_.size() > 1 && state_.memory_bytes() > max_bytes_) {
    state_.forgotten_ += state_.chunks_.front()->events();
    state_.chunks_.erase(state_.chunks_.begin());
  }
}

void TimelineStore::join_small() {
  constexpr std::size_t kLargest = 2'000'000;  // events: joining more would take longer than an update may
  auto& chunks = state_.chunks_;
  while (chunks.size() > 1) {
    const auto &left = chunks[chunks.size() - 2], &right = chunks.back();
    if (right->events() * 2 < left->events() || left->events() + right->events() > kLargest) return;
    std::vector<std::vector<StateEvent>> events(state_.tracks_.size());
    for (TrackId id = 0; id < events.size(); ++id) {
      events[id] = left->events_of(id);
      const std::vector<StateEvent> more = right->events_of(id);
      // Nothing known at the beginning of the right one: the left one's last state must not reach into it.
      if (!events[id].empty() && (more.empty() || more.front().from_ns > right->from_ns()))
        events[id].push_back({right->from_ns(), std::nullopt});
      events[id].insert(events[id].end(), more.begin(), more.end());
    }
    std::vector<Wake> wakes(left->wakes().begin(), left->wakes().end());
    wakes.insert(wakes.end(), right->wakes().begin(), right->wakes().end());
    auto joined =
        std::make_shared<const TimelineChunk>(left->from_ns(), right->to_ns(), std::move(events), std::move(wakes));
    chunks.pop_back();
    chunks.back() = std::move(joined);
  }
}

}  // namespace fanlight::ui
