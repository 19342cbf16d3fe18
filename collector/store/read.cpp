#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "collector/store/open.hpp"
#include "collector/store/read_code.hpp"
#include "collector/store/recording.hpp"
#include "collector/store/row.hpp"
#include "collector/store/times.hpp"

namespace fanlight::store {
namespace {

using profile::Slice;

class Reading {
 public:
  Reading(sqlite3* db, int version) : db_(db), version_(version) {}

  Result<profile::Window> window() {
    // One snapshot, although a recorder may be writing.
    if (auto begun = execute(db_, "BEGIN"); !begun) return std::unexpected(begun.error());
    profile::Target target;
    std::int64_t realtime_offset_ns = 0;
    if (auto done = read_identity(target, realtime_offset_ns); !done) return std::unexpected(done.error());
    profile::Window window(std::move(target), realtime_offset_ns, kMaxBytes);
    auto code = Code::read(db_, version_, window.tables());
    if (!code) return std::unexpected(code.error());
    code_ = std::move(*code);
    for (const auto step :
         {&Reading::read_slices, &Reading::read_threads, &Reading::read_label_times, &Reading::read_samples,
          &Reading::read_operations, &Reading::read_scheduling, &Reading::read_states, &Reading::read_rest}) {
      if (auto done = (this->*step)(window); !done) return std::unexpected(done.error());
    }
    if (auto done = bound_times(slices_); !done) return std::unexpected(done.error());
    say_what_is_missing();
    for (Slice& slice : slices_) window.append(std::move(slice));
    return window;
  }

 private:
  template <class OnRow>
  Result<> each(const char* sql, OnRow on_row) {
    return each_row(db_, sql, [&](Row& row) {
      on_row(row);
      if (histogram_bytes_ > kMaxBytes / 2) row.complain("histograms of more than 2 GiB");
    });
  }
  /// What the schema of version 1 said otherwise.
  const char* either(const char* version_1, const char* now) const { return version_ == 1 ? version_1 : now; }

  Result<> read_identity(profile::Target& target, std::int64_t& realtime_offset_ns) {
    if (auto done = each("SELECT value FROM meta WHERE key = 'complete'", [&](Row& row) { complete_ = row.flag(); });
        !done) {
      return done;
    }
    if (auto done =
            each("SELECT value FROM meta WHERE key = 'slices_let_go'", [&](Row& row) { let_go_ = row.count(); });
        !done) {
      return done;
    }
    if (auto done = each("SELECT value FROM meta WHERE key = 'realtime_offset_ns'",
                         [&](Row& row) { realtime_offset_ns = row.any(); });
        !done) {
      return done;
    }
    if (auto done =
            each(either("SELECT pid, name, executable, kernel, host, sample_hz, 'nanoseconds' FROM target LIMIT 1",
                        "SELECT pid, name, executable, kernel, host, sample_hz, weight_unit FROM target LIMIT 1"),
                 [&](Row& row) {
                   target = {row.pid(), row.text(), row.text(), row.text(), row.text(), row.small(), {}, row.text()};
                 });
        !done) {
      return done;
    }
    return each("SELECT probe, form, why FROM form ORDER BY id",
                [&](Row& row) { target.forms.push_back({row.text(), row.text(), row.text()}); });
  }

  Result<> read_slices(profile::Window&) {
    if (auto done = read_histograms(); !done) return done;
    const char* const sql = version_ < 3 ? "SELECT id, from_ns, to_ns, own_cpu_ns, own_resident_bytes, 0, 0, 0 "
                                           "FROM slice ORDER BY id"
                                         : "SELECT id, from_ns, to_ns, own_cpu_ns, own_resident_bytes, interrupts_ns, "
                                           "soft_interrupts_ns, stolen_ns FROM slice ORDER BY id";
    return each(sql, [&](Row& row) {
      // The oldest may have been let go; what is there has no gap.
      const std::uint64_t least = slices_.empty() ? 0 : first_slice_ + slices_.size();
      const auto id = row.between(least, slices_.empty() ? let_go_ : least, "slice");
      if (slices_.empty()) first_slice_ = id;
      Slice slice;
      slice.from_ns = row.count();
      slice.to_ns = row.count();
      slice.cost.cpu_ns = row.count();
      slice.cost.resident_bytes = row.count();
      slice.machine.interrupts_ns = row.count();
      slice.machine.soft_interrupts_ns = row.count();
      slice.machine.stolen_ns = row.count();
      slices_.push_back(std::move(slice));
    });
  }

  Result<> read_threads(profile::Window&) {
    const auto& threads = code_.threads();
    // Where the rows of a thread are, so that its reasons need no search.
    std::unordered_map<std::uint64_t, std::size_t> place;
    const auto key = [&](std::uint64_t slice, std::uint64_t thread) { return slice * threads.size() + thread; };
    if (auto done =
            each("SELECT slice, thread, from_ns, to_ns, ended, switches_voluntary, switches_preempted, "
                 "migrations, wakeups, socket_writes, socket_bytes, socket_would_block, socket_errors, run_queue "
                 "FROM thread_slice ORDER BY slice, thread",
                 [&](Row& row) {
                   Slice* slice = slice_of(row);
                   const auto thread = row.below(threads.size(), "thread");
                   if (slice == nullptr || thread >= threads.size()) return;
                   profile::ThreadSlice one{.thread = threads[thread]};
                   one.from_ns = row.count();
                   one.to_ns = row.count();
                   one.ended = row.flag();
                   one.switches_voluntary = row.count();
                   one.switches_preempted = row.count();
                   one.migrations = row.count();
                   one.wakeups = row.count();
                   one.socket = {row.count(), row.count(), row.count(), row.count(), {}};
                   one.run_queue_ns = histogram(row.any());
                   place[key(static_cast<std::uint64_t>(slice - slices_.data()), thread)] = slice->threads.size();
                   slice->threads.push_back(std::move(one));
                 });
        !done) {
      return done;
    }
    if (auto done = each("SELECT slice, thread, reason, ns FROM thread_reason_ns",
                         [&](Row& row) {
                           Slice* slice = slice_of(row);
                           const auto thread = row.below(threads.size(), "thread");
                           const Reason reason = row.reason();
                           const auto ns = row.count();
                           if (slice == nullptr) return;
                           const auto found =
                               place.find(key(static_cast<std::uint64_t>(slice - slices_.data()), thread));
                           if (found == place.end()) return;
                           slice->threads[found->second].ns[static_cast<std::size_t>(reason)] = ns;
                         });
        !done) {
      return done;
    }
    return each("SELECT slice, thread, errno, count FROM socket_errno", [&](Row& row) {
      Slice* slice = slice_of(row);
      const auto thread = row.below(threads.size(), "thread");
      const auto number = static_cast<int>(row.between(1, kernel::kMaxErrno, "errno"));
      const auto count = row.count();
      if (slice == nullptr) return;
      const auto found = place.find(key(static_cast<std::uint64_t>(slice - slices_.data()), thread));
      if (found == place.end()) return;
      slice->threads[found->second].socket.by_errno[number] = count;
    });
  }

  Result<> read_label_times(profile::Window&) {
    if (version_ < 3) return {};
    const auto& threads = code_.threads();
    return each("SELECT slice, thread, labels, reason, ns FROM thread_label_ns ORDER BY slice, thread, labels",
                [&](Row& row) {
                  Slice* slice = slice_of(row);
                  const auto thread = row.below(threads.size(), "thread");
                  const auto labels = code_.labels(row);
                  const Reason reason = row.reason();
                  const auto ns = row.count();
                  if (slice == nullptr || thread >= threads.size()) return;
                  std::vector<profile::LabelTime>& times = slice->label_times;
                  if (times.empty() || times.back().thread != threads[thread] || times.back().labels != labels)
                    times.push_back({.thread = threads[thread], .labels = labels});
                  times.back().ns[static_cast<std::size_t>(reason)] = ns;
                });
  }

  Result<> read_samples(profile::Window& window) {
    const auto& threads = code_.threads();
    return each(either("SELECT slice, sampler, reason, thread, stack, 0, NULL, weight, count FROM sample ORDER BY id",
                       "SELECT slice, sampler, reason, thread, stack, labels, after_ns, weight, count FROM sample "
                       "ORDER BY slice, position"),
                [&](Row& row) {
                  Slice* slice = slice_of(row);
                  const auto sampler = static_cast<Sampler>(row.below(kSamplers, "sampler"));
                  const Reason reason = row.reason();
                  const auto thread = row.below(threads.size(), "thread");
                  const auto stack = code_.stack(row, window.tables());
                  const auto labels = code_.labels(row);
                  const auto after_ns = row.maybe_count();
                  const auto weight = row.count();
                  const auto count = row.count();
                  if (slice == nullptr || thread >= threads.size()) return;
                  slice->samples.push_back({sampler, reason, threads[thread], stack, weight, count, labels,
                                            after_ns ? slice->from_ns + *after_ns : 0});
                });
  }

  Result<> read_histograms() {
    constexpr std::uint64_t kBuckets = fanlight_bucket(~0ull, KernelHistogram::kBits) + 1;
    return each("SELECT id, bucket, count FROM histogram ORDER BY id, bucket", [&](Row& row) {
      const std::int64_t id = row.any();
      const auto bucket = row.below(kBuckets, "histogram bucket");
      auto& counts = histograms_[id];
      const std::uint64_t count = row.count();
      if (counts.size() <= bucket) {
        histogram_bytes_ += (bucket + 1 - counts.size()) * sizeof(std::uint64_t);
        if (histogram_bytes_ > kMaxBytes / 2) return;
        counts.resize(bucket + 1);
      }
      counts[bucket] = count;
    });
  }

  Result<> read_operations(profile::Window&) {
    if (version_ > 1) {
      if (auto done =
              each("SELECT slice, address, name, holder, waits, wait_ns, wait FROM lock ORDER BY slice, position",
                   [&](Row& row) {
                     Slice* slice = slice_of(row);
                     profile::Lock lock{static_cast<std::uint64_t>(row.any()),
                                        row.text(),
                                        row.text(),
                                        row.count(),
                                        row.count(),
                                        histogram(row.any())};
                     if (slice != nullptr) slice->locks.push_back(std::move(lock));
                   });
          !done) {
        return done;
      }
    }
    if (auto done = each(either("SELECT slice, map_id, map_name, map_type, operation, count, errors, total_ns, latency "
                                "FROM map_op ORDER BY id",
                                "SELECT slice, map_id, map_name, map_type, operation, count, errors, total_ns, latency "
                                "FROM map_op ORDER BY slice, position"),
                         [&](Row& row) {
                           Slice* slice = slice_of(row);
                           kernel::MapReading map{row.small(), row.text(),  row.text(),  row.text(),
                                                  row.count(), row.count(), row.count(), histogram(row.any())};
                           if (slice != nullptr) slice->maps.push_back(std::move(map));
                         });
        !done) {
      return done;
    }
    if (auto done = each(either("SELECT slice, registry, shard, operation, count, wait_ns, hold_ns, wait "
                                "FROM registry_op ORDER BY id",
                                "SELECT slice, registry, shard, operation, count, wait_ns, hold_ns, wait "
                                "FROM registry_op ORDER BY slice, position"),
                         [&](Row& row) {
                           Slice* slice = slice_of(row);
                           kernel::RegistryReading one{row.text(),  row.small(), row.text(),          row.count(),
                                                       row.count(), row.count(), histogram(row.any())};
                           if (slice != nullptr) slice->registries.push_back(std::move(one));
                         });
        !done) {
      return done;
    }
    return each(either("SELECT slice, name, kind, value, histogram FROM metric ORDER BY id",
                       "SELECT slice, name, kind, value, histogram FROM metric ORDER BY slice, position"),
                [&](Row& row) {
                  Slice* slice = slice_of(row);
                  profile::Metric metric{row.text(), static_cast<profile::Metric::Kind>(row.below(3, "metric kind")),
                                         row.real(), histogram(row.any())};
                  if (slice != nullptr) slice->metrics.push_back(std::move(metric));
                });
  }

  Result<> read_states(profile::Window&) {
    if (version_ < 3) return {};
    if (auto done = each("SELECT slice, map_id, map_name, map_type, max_entries, entries FROM bpf_map "
                         "ORDER BY slice, position",
                         [&](Row& row) {
                           Slice* slice = slice_of(row);
                           kernel::MapState map{row.small(), row.text(), row.text(), row.count(), row.maybe_count()};
                           if (slice != nullptr) slice->map_states.push_back(std::move(map));
                         });
        !done) {
      return done;
    }
    return each(
        "SELECT slice, id, local, peer, state, watched_ns, sent_bytes, acknowledged_bytes, received_bytes, "
        "retransmits, busy_ns, peer_limited_ns, buffer_limited_ns, queued_bytes, most_queued_bytes, "
        "unsent_bytes, unread_bytes, stalled_ns, rtt_ns, rtt_deviation_ns FROM connection "
        "ORDER BY slice, position",
        [&](Row& row) {
          Slice* slice = slice_of(row);
          kernel::ConnectionReading one{row.count(), row.text(),  row.text(),  row.text(),  row.count(),
                                        row.count(), row.count(), row.count(), row.count(), row.count(),
                                        row.count(), row.count(), row.count(), row.count(), row.count(),
                                        row.count(), row.count(), row.count(), row.count()};
          if (slice != nullptr) slice->connections.push_back(std::move(one));
        });
  }

  Result<> read_scheduling(profile::Window&) {
    if (version_ < 3) return {};
    const auto& threads = code_.threads();
    if (auto done = each("SELECT slice, thread, by, count, ns FROM preemption ORDER BY slice, position",
                         [&](Row& row) {
                           Slice* slice = slice_of(row);
                           const auto thread = row.below(threads.size(), "thread");
                           profile::Preemption one{.thread = 0, .by = row.text()};
                           one.count = row.count();
                           one.ns = row.count();
                           if (slice == nullptr || thread >= threads.size()) return;
                           one.thread = threads[thread];
                           slice->preemptions.push_back(std::move(one));
                         });
        !done) {
      return done;
    }
    std::size_t bytes = 0;
    return each("SELECT slice, time_ns, thread, kind, reason, cpu, waker FROM timeline ORDER BY slice, position",
                [&](Row& row) {
                  Slice* slice = slice_of(row);
                  profile::TimelineRow one{.time_ns = row.count()};
                  const auto thread = row.below(threads.size(), "thread");
                  constexpr std::uint64_t kKinds = FANLIGHT_TIMELINE_END + 1;
                  one.kind = static_cast<kernel::TimelineReading::Kind>(row.below(kKinds, "timeline kind"));
                  one.reason = row.reason();
                  one.cpu = static_cast<std::uint16_t>(row.below(std::uint64_t{1} << 16, "CPU"));
                  one.waker = row.pid();
                  bytes += sizeof one;
                  if (bytes > kMaxBytes / 2) row.complain("a timeline of more than 2 GiB");
                  if (slice == nullptr || thread >= threads.size()) return;
                  one.thread = threads[thread];
                  slice->timeline.push_back(one);
                });
  }

  Result<> read_rest(profile::Window&) {
    // Which of the file's entries became which of a slice.
    std::map<std::pair<std::size_t, std::int64_t>, std::size_t> entries;
    if (auto done =
            each(either("SELECT slice, id, source, produced, delivered FROM ledger ORDER BY id",
                        "SELECT slice, position, source, produced, delivered FROM ledger ORDER BY slice, position"),
                 [&](Row& row) {
                   Slice* slice = slice_of(row);
                   if (slice == nullptr) return;
                   entries[{static_cast<std::size_t>(slice - slices_.data()), row.any()}] = slice->ledger.size();
                   slice->ledger.push_back({.source = row.text(), .produced = row.count(), .delivered = row.count()});
                 });
        !done) {
      return done;
    }
    if (auto done = each(either("SELECT ledger.slice, entry, dropped, cause, ledger_loss.count FROM ledger_loss "
                                "JOIN ledger ON ledger.id = entry",
                                "SELECT slice, entry, dropped, cause, count FROM ledger_loss"),
                         [&](Row& row) {
                           Slice* slice = slice_of(row);
                           if (slice == nullptr) return;
                           const auto found =
                               entries.find({static_cast<std::size_t>(slice - slices_.data()), row.any()});
                           const bool dropped = row.flag();
                           const std::string cause = row.text();
                           const auto count = row.count();
                           if (found == entries.end()) return;
                           LedgerEntry& entry = slice->ledger[found->second];
                           (dropped ? entry.dropped : entry.missed)[cause] = count;
                         });
        !done) {
      return done;
    }
    if (auto done = each(either("SELECT slice, time_ns, 0, text FROM event ORDER BY id",
                                "SELECT slice, time_ns, kind, text FROM event ORDER BY slice, position"),
                         [&](Row& row) {
                           Slice* slice = slice_of(row);
                           profile::Event event;
                           event.time_ns = row.count();
                           event.kind = static_cast<profile::Event::Kind>(row.below(2, "event kind"));
                           event.text = row.text();
                           if (slice != nullptr) slice->events.push_back(std::move(event));
                         });
        !done) {
      return done;
    }
    return each(either("SELECT slice, name, runs, run_ns FROM program_cost ORDER BY id",
                       "SELECT slice, name, runs, run_ns FROM program_cost ORDER BY slice, position"),
                [&](Row& row) {
                  Slice* slice = slice_of(row);
                  kernel::ProgramCost program{row.text(), row.count(), row.count()};
                  if (slice != nullptr) slice->cost.programs.push_back(std::move(program));
                });
  }

  void say_what_is_missing() {
    if (let_go_ > 0 && !slices_.empty()) {
      slices_.front().events.push_back({slices_.front().from_ns, "rolling recording: " + std::to_string(let_go_) +
                                                                     " earlier slices were let go to make room"});
    }
    if (complete_) return;
    if (slices_.empty()) slices_.emplace_back();
    slices_.back().events.push_back(
        {slices_.back().to_ns,
         "recording was not finished: its recorder was stopped or is still at work; this is what it had committed"});
  }

  Slice* slice_of(Row& row) {
    const auto id = row.below(first_slice_ + slices_.size(), "slice");
    if (id < first_slice_) {
      row.complain("slice " + std::to_string(id) + " is unknown");
      return nullptr;
    }
    return id - first_slice_ < slices_.size() ? &slices_[id - first_slice_] : nullptr;
  }

  /// Many rows may refer to one histogram, so the copies are what has to be bounded.
  KernelHistogram histogram(std::int64_t id) {
    const auto found = histograms_.find(id);
    if (found == histograms_.end()) return {};
    histogram_bytes_ += found->second.size() * sizeof(std::uint64_t);
    if (histogram_bytes_ > kMaxBytes / 2) return {};
    return KernelHistogram::from_counts(std::span<const std::uint64_t>(found->second));
  }

  sqlite3* db_;
  int version_;
  bool complete_ = false;
  std::uint64_t let_go_ = 0;
  std::uint64_t first_slice_ = 0;
  Code code_;
  std::vector<Slice> slices_;
  std::unordered_map<std::int64_t, std::vector<std::uint64_t>> histograms_;
  std::size_t histogram_bytes_ = 0;
};

}  // namespace

Result<profile::Window> open_recording(const std::filesystem::path& path) {
  auto file = open_checked(path);
  if (!file) return std::unexpected(file.error());
  auto window = Reading(file->db.get(), file->version).window();
  if (!window) return within(path.string(), window.error());
  return window;
}

}  // namespace fanlight::store
