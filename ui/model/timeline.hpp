// What each thread did at every instant, at any zoom. In: timeline records, as they come. Out: time per state for any
// stretch, from immutable chunks with a pyramid of bins each; memory is bounded.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "collector/profile/profile.hpp"
#include "core/state.hpp"

namespace fanlight::ui {

using TrackId = std::uint32_t;  // index into Timeline::tracks()

/// From `from_ns` on the thread is in `reason`, until the next event of its track. No reason: nothing is known.
struct StateEvent {
  std::uint64_t from_ns = 0;
  std::optional<Reason> reason;
};

struct Wake {
  std::uint64_t time_ns = 0;
  TrackId track = 0;  // who is woken
  pid_t waker = 0;    // 0: an interrupt
  std::uint16_t cpu = 0;
};

/// The states of some threads over a stretch of time. Immutable; threads: any.
class TimelineChunk {
 public:
  /// `events[track]` in order of time; what lies outside [from_ns, to_ns) is ignored.
  TimelineChunk(std::uint64_t from_ns, std::uint64_t to_ns, std::vector<std::vector<StateEvent>> events,
                std::vector<Wake> wakes);

  std::uint64_t from_ns() const { return from_ns_; }
  std::uint64_t to_ns() const { return to_ns_; }
  std::size_t events() const { return events_; }
  std::size_t memory_bytes() const { return memory_bytes_; }
  std::span<const Wake> wakes() const { return wakes_; }
  std::vector<StateEvent> events_of(TrackId track) const;

  /// Adds the track's time per reason within each of `sums.size()` equal columns of [from_ns, to_ns). Exact where a
  /// column holds few events; else from bins no wider than half a column, shared out by overlap. Cost:
  /// O(columns), however many events there are.
  void add_columns(TrackId track, std::uint64_t from_ns, std::uint64_t to_ns, std::span<PerReason> sums) const;

  /// Calls `take(from_ns, to_ns, reason)` for the track's states within the stretch, in order; false, and nothing, when
  /// there are more than `most`.
  template <class Take>
  bool each(TrackId track, std::uint64_t from_ns, std::uint64_t to_ns, std::size_t most, Take take) const {
    if (track >= tracks_.size()) return true;
    const Track& at = tracks_[track];
    const auto [first, last] = at.between(from_ns, to_ns);
    if (last - first > most) return false;
    for (std::size_t i = first; i < last; ++i) {
      if (at.reasons[i] == kUnknown) continue;
      const std::uint64_t begin = std::max(at.times[i], from_ns), end = std::min(at.end_of(i, to_ns_), to_ns);
      if (begin < end) take(begin, end, static_cast<Reason>(at.reasons[i]));
    }
    return true;
  }

 private:
  static constexpr std::uint8_t kUnknown = 0xff;
  using Bin = std::array<std::uint16_t, kReasons>;  // share of the bin's width, 65535 is all of it
  struct Level {
    std::uint64_t width_ns = 0;
    std::vector<Bin> bins;
  };
  struct Track {
    std::vector<std::uint64_t> times;
    std::vector<std::uint8_t> reasons;
    std::vector<Level> levels;  // finest first; each four times as wide as the one before
    std::pair<std::size_t, std::size_t> between(std::uint64_t from_ns, std::uint64_t to_ns) const;
    std::uint64_t end_of(std::size_t i, std::uint64_t chunk_end) const {
      return i + 1 < times.size() ? times[i + 1] : chunk_end;
    }
  };
  void build_levels(Track& track) const;
  void add_exact(const Track& track, std::uint64_t from_ns, std::uint64_t to_ns, std::span<PerReason> sums) const;

  std::uint64_t from_ns_, to_ns_;
  std::vector<Track> tracks_;
  std::vector<Wake> wakes_;
  std::size_t events_ = 0;
  std::size_t memory_bytes_ = 0;
};

struct TrackName {
  pid_t tid = 0;
  std::string name;
  bool operator==(const TrackName&) const = default;
};

/// A state of the store: shares its chunks. Threads: const, any.
class Timeline {
 public:
  bool empty() const { return chunks_.empty(); }
  std::uint64_t from_ns() const { return chunks_.empty() ? 0 : chunks_.front()->from_ns(); }
  std::uint64_t to_ns() const { return chunks_.empty() ? 0 : chunks_.back()->to_ns(); }
  const std::vector<TrackName>& tracks() const { return tracks_; }
  const std::vector<std::shared_ptr<const TimelineChunk>>& chunks() const { return chunks_; }
  std::size_t events() const;
  std::size_t memory_bytes() const;
  std::uint64_t forgotten() const { return forgotten_; }  // events, for the cap's sake
  std::optional<TrackId> track_of(pid_t tid, const std::string& name) const;

  /// As TimelineChunk::add_columns, of all chunks.
  std::vector<PerReason> columns(TrackId track, std::uint64_t from_ns, std::uint64_t to_ns, std::size_t count) const;
  /// As TimelineChunk::each, of all chunks.
  template <class Take>
  bool each(TrackId track, std::uint64_t from_ns, std::uint64_t to_ns, std::size_t most, Take take) const {
    for (const auto& chunk : chunks_) {
      if (chunk->to_ns() <= from_ns || chunk->from_ns() >= to_ns) continue;
      if (!chunk->each(track, from_ns, to_ns, most, take)) return false;
    }
    return true;
  }
  std::size_t wake_count(std::uint64_t from_ns, std::uint64_t to_ns) const;
  /// The wake-ups within a stretch, at most `most`, evenly chosen where there are more.
  std::vector<Wake> wakes(std::uint64_t from_ns, std::uint64_t to_ns, std::size_t most) const;

 private:
  friend class TimelineStore;
  std::vector<std::span<const Wake>> wake_spans(std::uint64_t from_ns, std::uint64_t to_ns) const;
  std::vector<TrackName> tracks_;
  std::vector<std::shared_ptr<const TimelineChunk>> chunks_;  // in order of time, without gaps between them
  std::uint64_t forgotten_ = 0;
};

/// Takes in what is new of each profile and forgets the oldest beyond the cap. Threads: one at a time; what
/// `timeline()` returned stays as it was.
class TimelineStore {
 public:
  explicit TimelineStore(std::size_t max_bytes = std::size_t{512} << 20) : max_bytes_(max_bytes) {}
  /// Rows before what is known already are left out. Cost: O(new rows), now and then that of joining chunks.
  void take(const profile::Profile& profile);
  std::shared_ptr<const Timeline> timeline() const { return std::make_shared<const Timeline>(state_); }

 private:
  TrackId track(const profile::Thread& thread);
  void join_small();

  Timeline state_;
  std::map<std::pair<pid_t, std::string>, TrackId> index_;
  std::vector<std::optional<Reason>> now_;  // by track: what it was in at the end
  std::size_t max_bytes_;
};

}  // namespace fanlight::ui
