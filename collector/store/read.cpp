#include <limits>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "collector/store/open.hpp"
#include "collector/store/recording.hpp"
#include "collector/store/schema.hpp"

namespace fanlight::store {
namespace {

using profile::Slice;

constexpr const char* kDamagedHint = "the file is damaged; record again, or restore it from a copy";
constexpr std::int64_t kMaxDepth = 4096;  // frames in a stack; the walkers stop long before
// A recording is read as a whole, so the cap only guards the machine.
constexpr std::size_t kMaxBytes = std::size_t{4} << 30;

/// Reads column after column of one row; the first number out of its bounds is remembered and ends the reading.
class Row {
 public:
  Row(const Statement& statement, std::string& problem) : statement_(statement), problem_(problem) {}

  /// `least` where the number is not within [least, most].
  std::uint64_t between(std::uint64_t least, std::uint64_t most, const char* what) {
    const std::int64_t number = statement_.integer(column_++);
    const auto unsigned_number = static_cast<std::uint64_t>(number);
    if (number >= 0 && unsigned_number >= least && unsigned_number <= most) return unsigned_number;
    if (problem_.empty()) problem_ = std::string(what) + " " + std::to_string(number) + " is unknown";
    return least;
  }
  /// 0 .. bound-1; 0 where the number is not, also when nothing is below the bound.
  std::uint64_t below(std::uint64_t bound, const char* what) {
    if (bound > 0) return between(0, bound - 1, what);
    ++column_;
    if (problem_.empty()) problem_ = std::string("there is no ") + what;
    return 0;
  }
  std::uint64_t count() { return below(std::uint64_t{1} << 63, "count"); }
  std::uint32_t small() {
    return static_cast<std::uint32_t>(below(std::uint64_t{std::numeric_limits<std::uint32_t>::max()} + 1, "number"));
  }
  pid_t pid() { return static_cast<pid_t>(below(std::uint64_t{1} << 31, "pid")); }
  bool flag() { return below(2, "flag") == 1; }
  std::int64_t any() { return statement_.integer(column_++); }
  double real() { return statement_.real(column_++); }
  std::string text() { return statement_.text(column_++); }
  Reason reason() { return static_cast<Reason>(below(kReasons, "reason")); }

 private:
  const Statement& statement_;
  std::string& problem_;
  int column_ = 0;
};

class Reading {
 public:
  explicit Reading(sqlite3* db) : db_(db) {}

  Result<profile::Window> window() {
    // One snapshot, although a recorder may be writing.
    if (auto begun = execute(db_, "BEGIN"); !begun) return std::unexpected(begun.error());
    profile::Target target;
    std::int64_t realtime_offset_ns = 0;
    if (auto done = read_identity(target, realtime_offset_ns); !done) return std::unexpected(done.error());
    profile::Window window(std::move(target), realtime_offset_ns, kMaxBytes);
    for (const auto step :
         {&Reading::read_code, &Reading::read_slices, &Reading::read_operations, &Reading::read_rest}) {
      if (auto done = (this->*step)(window); !done) return std::unexpected(done.error());
    }
    if (!complete_) say_incomplete();
    for (Slice& slice : slices_) window.append(std::move(slice));
    return window;
  }

 private:
  template <class OnRow>
  Result<> each(const char* sql, OnRow on_row) {
    auto statement = Statement::prepare(db_, sql);
    if (!statement) return std::unexpected(statement.error());
    std::string problem;
    while (true) {
      const auto row = statement->next();
      if (!row) return std::unexpected(row.error());
      if (!*row) return {};
      Row columns(*statement, problem);
      on_row(columns);
      if (problem.empty() && histogram_bytes_ > kMaxBytes / 2) problem = "histograms of more than 2 GiB";
      if (!problem.empty()) return fail(0, "recording: " + problem, kDamagedHint);
    }
  }

  Result<> read_identity(profile::Target& target, std::int64_t& realtime_offset_ns) {
    if (auto done = each("SELECT value FROM meta WHERE key = 'complete'", [&](Row& row) { complete_ = row.flag(); });
        !done) {
      return done;
    }
    if (auto done = each("SELECT value FROM meta WHERE key = 'realtime_offset_ns'",
                         [&](Row& row) { realtime_offset_ns = row.any(); });
        !done) {
      return done;
    }
    if (auto done = each(
            "SELECT pid, name, executable, kernel, host, sample_hz FROM target LIMIT 1",
            [&](Row& row) { target = {row.pid(), row.text(), row.text(), row.text(), row.text(), row.small(), {}}; });
        !done) {
      return done;
    }
    return each("SELECT probe, form, why FROM form ORDER BY id",
                [&](Row& row) { target.forms.push_back({row.text(), row.text(), row.text()}); });
  }

  Result<> read_code(profile::Window& window) {
    profile::Tables& tables = window.tables();
    // Ids of the file become ids of the tables; a damaged file may hold one thing twice.
    std::vector<profile::FrameId> frames;
    if (auto done = each("SELECT id, origin, module, offset, name FROM frame ORDER BY id",
                         [&](Row& row) {
                           expect_next(row, frames.size(), "frame");
                           profile::Frame frame;
                           frame.origin = static_cast<profile::FrameOrigin>(row.below(3, "frame origin"));
                           frame.module = row.text();
                           frame.offset = static_cast<std::uint64_t>(row.any());
                           frame.name = row.text();
                           frames.push_back(tables.frame(frame));
                         });
        !done) {
      return done;
    }
    std::vector<profile::Stack> stacks;
    if (auto done = each("SELECT id, depth FROM stack ORDER BY id",
                         [&](Row& row) {
                           expect_next(row, stacks.size(), "stack");
                           row.below(kMaxDepth + 1, "stack depth");
                           stacks.emplace_back();
                         });
        !done) {
      return done;
    }
    if (auto done = each("SELECT stack, position, frame FROM stack_frame ORDER BY stack, position",
                         [&](Row& row) {
                           const auto stack = row.below(stacks.size(), "stack");
                           const auto position = row.below(kMaxDepth, "position");
                           const auto frame = row.below(frames.size(), "frame");
                           if (stack < stacks.size() && position == stacks[stack].size() && frame < frames.size()) {
                             stacks[stack].push_back(frames[frame]);
                           }
                         });
        !done) {
      return done;
    }
    for (const profile::Stack& stack : stacks) stacks_.push_back(tables.stack(stack));
    return each("SELECT id, tid, name FROM thread ORDER BY id", [&](Row& row) {
      expect_next(row, threads_.size(), "thread");
      const pid_t tid = row.pid();
      threads_.push_back(tables.thread_born(tid, row.text()));
    });
  }

  Result<> read_slices(profile::Window&) {
    if (auto done = read_histograms(); !done) return done;
    if (auto done = each("SELECT id, from_ns, to_ns, own_cpu_ns, own_resident_bytes FROM slice ORDER BY id",
                         [&](Row& row) {
                           expect_next(row, slices_.size(), "slice");
                           Slice slice;
                           slice.from_ns = row.count();
                           slice.to_ns = row.count();
                           slice.cost.cpu_ns = row.count();
                           slice.cost.resident_bytes = row.count();
                           slices_.push_back(std::move(slice));
                         });
        !done) {
      return done;
    }
    // Where the rows of a thread are, so that its reasons need no search.
    std::unordered_map<std::uint64_t, std::size_t> place;
    const auto key = [&](std::uint64_t slice, std::uint64_t thread) { return slice * threads_.size() + thread; };
    if (auto done =
            each("SELECT slice, thread, from_ns, to_ns, ended, switches_voluntary, switches_preempted, "
                 "migrations, wakeups, socket_writes, socket_bytes, socket_would_block, socket_errors, run_queue "
                 "FROM thread_slice ORDER BY slice, thread",
                 [&](Row& row) {
                   Slice* slice = slice_of(row);
                   const auto thread = row.below(threads_.size(), "thread");
                   if (slice == nullptr || thread >= threads_.size()) return;
                   profile::ThreadSlice one{.thread = threads_[thread]};
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
                           const auto thread = row.below(threads_.size(), "thread");
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
    if (auto done = each("SELECT slice, thread, errno, count FROM socket_errno",
                         [&](Row& row) {
                           Slice* slice = slice_of(row);
                           const auto thread = row.below(threads_.size(), "thread");
                           const auto number = static_cast<int>(row.between(1, kernel::kMaxErrno, "errno"));
                           const auto count = row.count();
                           if (slice == nullptr) return;
                           const auto found =
                               place.find(key(static_cast<std::uint64_t>(slice - slices_.data()), thread));
                           if (found == place.end()) return;
                           slice->threads[found->second].socket.by_errno[number] = count;
                         });
        !done) {
      return done;
    }
    return each("SELECT slice, sampler, reason, thread, stack, weight, count FROM sample ORDER BY id", [&](Row& row) {
      constexpr auto kSamplers = static_cast<std::uint64_t>(Sampler::inprocess_cpu) + 1;
      Slice* slice = slice_of(row);
      const auto sampler = static_cast<Sampler>(row.below(kSamplers, "sampler"));
      const Reason reason = row.reason();
      const auto thread = row.below(threads_.size(), "thread");
      const auto stack = row.below(stacks_.size(), "stack");
      const auto weight = row.count();
      const auto count = row.count();
      if (slice == nullptr || thread >= threads_.size() || stack >= stacks_.size()) return;
      slice->samples.push_back({sampler, reason, threads_[thread], stacks_[stack], weight, count});
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
    if (auto done = each("SELECT slice, map_id, map_name, map_type, operation, count, errors, total_ns, latency "
                         "FROM map_op ORDER BY id",
                         [&](Row& row) {
                           Slice* slice = slice_of(row);
                           kernel::MapReading map{row.small(), row.text(),  row.text(),  row.text(),
                                                  row.count(), row.count(), row.count(), histogram(row.any())};
                           if (slice != nullptr) slice->maps.push_back(std::move(map));
                         });
        !done) {
      return done;
    }
    if (auto done = each("SELECT slice, registry, shard, operation, count, wait_ns, hold_ns, wait "
                         "FROM registry_op ORDER BY id",
                         [&](Row& row) {
                           Slice* slice = slice_of(row);
                           kernel::RegistryReading one{row.text(),  row.small(), row.text(),          row.count(),
                                                       row.count(), row.count(), histogram(row.any())};
                           if (slice != nullptr) slice->registries.push_back(std::move(one));
                         });
        !done) {
      return done;
    }
    return each("SELECT slice, name, kind, value, histogram FROM metric ORDER BY id", [&](Row& row) {
      Slice* slice = slice_of(row);
      profile::Metric metric{row.text(), static_cast<profile::Metric::Kind>(row.below(3, "metric kind")), row.real(),
                             histogram(row.any())};
      if (slice != nullptr) slice->metrics.push_back(std::move(metric));
    });
  }

  Result<> read_rest(profile::Window&) {
    std::unordered_map<std::int64_t, std::pair<std::size_t, std::size_t>> entries;  // row -> slice and place in it
    if (auto done =
            each("SELECT slice, id, source, produced, delivered FROM ledger ORDER BY id",
                 [&](Row& row) {
                   Slice* slice = slice_of(row);
                   if (slice == nullptr) return;
                   entries[row.any()] = {static_cast<std::size_t>(slice - slices_.data()), slice->ledger.size()};
                   slice->ledger.push_back({.source = row.text(), .produced = row.count(), .delivered = row.count()});
                 });
        !done) {
      return done;
    }
    if (auto done = each("SELECT entry, dropped, cause, count FROM ledger_loss",
                         [&](Row& row) {
                           const auto found = entries.find(row.any());
                           const bool dropped = row.flag();
                           const std::string cause = row.text();
                           const auto count = row.count();
                           if (found == entries.end()) return;
                           LedgerEntry& entry = slices_[found->second.first].ledger[found->second.second];
                           (dropped ? entry.dropped : entry.missed)[cause] = count;
                         });
        !done) {
      return done;
    }
    if (auto done = each("SELECT slice, time_ns, text FROM event ORDER BY id",
                         [&](Row& row) {
                           Slice* slice = slice_of(row);
                           profile::Event event{row.count(), row.text()};
                           if (slice != nullptr) slice->events.push_back(std::move(event));
                         });
        !done) {
      return done;
    }
    return each("SELECT slice, name, runs, run_ns FROM program_cost ORDER BY id", [&](Row& row) {
      Slice* slice = slice_of(row);
      kernel::ProgramCost program{row.text(), row.count(), row.count()};
      if (slice != nullptr) slice->cost.programs.push_back(std::move(program));
    });
  }

  void say_incomplete() {
    if (slices_.empty()) slices_.emplace_back();
    slices_.back().events.push_back(
        {slices_.back().to_ns,
         "recording was not finished: its recorder was stopped or is still at work; this is what it had committed"});
  }

  /// Ids are dense and in order; a gap means that rows are gone.
  static void expect_next(Row& row, std::size_t expected, const char* what) { row.between(expected, expected, what); }

  Slice* slice_of(Row& row) {
    const auto id = row.below(slices_.size(), "slice");
    return id < slices_.size() ? &slices_[id] : nullptr;
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
  bool complete_ = false;
  std::vector<profile::StackId> stacks_;
  std::vector<profile::ThreadId> threads_;
  std::vector<Slice> slices_;
  std::unordered_map<std::int64_t, std::vector<std::uint64_t>> histograms_;
  std::size_t histogram_bytes_ = 0;
};

}  // namespace

Result<profile::Window> open_recording(const std::filesystem::path& path) {
  auto db = open_checked(path);
  if (!db) return std::unexpected(db.error());
  auto window = Reading(db->get()).window();
  if (!window) return within(path.string(), window.error());
  return window;
}

}  // namespace fanlight::store
