#include "collector/store/rows.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "collector/profile/merge.hpp"

namespace fanlight::store {
namespace {

enum Insert : std::size_t {
  kFrame,
  kStack,
  kStackFrame,
  kThread,
  kSlice,
  kThreadSlice,
  kThreadReason,
  kSocketErrno,
  kSample,
  kHistogram,
  kMapOp,
  kRegistryOp,
  kMetric,
  kLedger,
  kLedgerLoss,
  kEvent,
  kProgramCost,
  kInserts
};

constexpr std::array<const char*, kInserts> kSql{
    "INSERT OR REPLACE INTO frame VALUES(?, ?, ?, ?, ?)",
    "INSERT INTO stack VALUES(?, ?)",
    "INSERT INTO stack_frame VALUES(?, ?, ?)",
    "INSERT OR REPLACE INTO thread VALUES(?, ?, ?)",
    "INSERT INTO slice VALUES(?, ?, ?, ?, ?)",
    "INSERT INTO thread_slice VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "INSERT INTO thread_reason_ns VALUES(?, ?, ?, ?)",
    "INSERT INTO socket_errno VALUES(?, ?, ?, ?)",
    "INSERT INTO sample VALUES(NULL, ?, ?, ?, ?, ?, ?, ?)",
    "INSERT INTO histogram VALUES(?, ?, ?)",
    "INSERT INTO map_op VALUES(NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "INSERT INTO registry_op VALUES(NULL, ?, ?, ?, ?, ?, ?, ?, ?)",
    "INSERT INTO metric VALUES(NULL, ?, ?, ?, ?, ?)",
    "INSERT INTO ledger VALUES(NULL, ?, ?, ?, ?)",
    "INSERT INTO ledger_loss VALUES(?, ?, ?, ?)",
    "INSERT INTO event VALUES(NULL, ?, ?, ?)",
    "INSERT INTO program_cost VALUES(NULL, ?, ?, ?, ?)",
};

/// Kernel addresses use all 64 bits, and all are kept: the sign is only how SQLite shows them.
std::int64_t address(std::uint64_t value) { return static_cast<std::int64_t>(value); }

template <class Row>
std::size_t name_hash(const Row& row) {
  return std::hash<std::string>{}(row.name);
}

}  // namespace

Result<> write_words(sqlite3* db) {
  auto reason = Statement::prepare(db, "INSERT INTO reason VALUES(?, ?, ?)");
  if (!reason) return std::unexpected(reason.error());
  for (std::size_t i = 0; i < kReasons; ++i) {
    const auto number = static_cast<Reason>(i);
    if (auto done = reason->run(std::uint64_t{i}, name_of(state_of(number)), name_of(number)); !done) return done;
  }
  struct Word {
    Sampler sampler;
    std::string_view name, unit;
  };
  auto sampler = Statement::prepare(db, "INSERT INTO sampler VALUES(?, ?, ?)");
  if (!sampler) return std::unexpected(sampler.error());
  for (const Word& word :
       {Word{Sampler::kernel_cpu, "kernel on-cpu", "ns"}, Word{Sampler::kernel_blocked, "kernel blocked", "ns"},
        Word{Sampler::socket_write, "socket write", "bytes"}, Word{Sampler::map_operation, "map operation", "ns"},
        Word{Sampler::inprocess_cpu, "in-process on-cpu", "ns"}}) {
    if (auto done = sampler->run(static_cast<int>(word.sampler), word.name, word.unit); !done) return done;
  }
  auto bucket = Statement::prepare(db, "INSERT INTO bucket VALUES(?, ?, ?)");
  if (!bucket) return std::unexpected(bucket.error());
  constexpr unsigned kBits = KernelHistogram::kBits;
  const unsigned last = fanlight_bucket(std::numeric_limits<std::int64_t>::max(), kBits);
  for (unsigned i = 0; i <= last; ++i) {
    const std::uint64_t high = fanlight_bucket_low(i + 1, kBits) - 1;
    if (auto done = bucket->run(i, std::uint64_t{fanlight_bucket_low(i, kBits)}, high); !done) return done;
  }
  return {};
}

Result<> write_target(sqlite3* db, const profile::Target& target) {
  if (auto done = execute(db, "DELETE FROM target; DELETE FROM form"); !done) return done;
  auto row = Statement::prepare(db, "INSERT INTO target VALUES(?, ?, ?, ?, ?, ?)");
  if (!row) return std::unexpected(row.error());
  if (auto done = row->run(target.pid, target.name, target.executable, target.kernel, target.host, target.sample_hz);
      !done) {
    return done;
  }
  auto form_row = Statement::prepare(db, "INSERT INTO form VALUES(NULL, ?, ?, ?)");
  if (!form_row) return std::unexpected(form_row.error());
  for (const kernel::Form& form : target.forms) {
    if (auto done = form_row->run(form.probe, form.form, form.why); !done) return done;
  }
  return {};
}

Result<> write_meta(sqlite3* db, std::int64_t realtime_offset_ns) {
  auto row = Statement::prepare(db, "INSERT INTO meta VALUES(?, ?)");
  if (!row) return std::unexpected(row.error());
  if (auto done = row->run(std::string_view("complete"), 0); !done) return done;
  return row->run(std::string_view("realtime_offset_ns"), realtime_offset_ns);
}

Result<Rows> Rows::prepare(sqlite3* db) {
  Rows rows(db);
  for (const char* sql : kSql) {
    auto statement = Statement::prepare(db, sql);
    if (!statement) return std::unexpected(statement.error());
    rows.statements_.push_back(std::move(*statement));
  }
  return rows;
}

Result<> Rows::write_tables(const profile::Tables& tables, Written& written) {
  const auto& frames = tables.frames();
  written.frame_names.reserve(frames.size());
  for (std::size_t id = 0; id < frames.size(); ++id) {
    const std::size_t hash = name_hash(frames[id]);
    if (id < written.frame_names.size() && written.frame_names[id] == hash) continue;
    const profile::Frame& frame = frames[id];
    if (auto done = statements_[kFrame].run(std::uint64_t{id}, static_cast<int>(frame.origin), frame.module,
                                            address(frame.offset), frame.name);
        !done) {
      return done;
    }
    if (id < written.frame_names.size()) {
      written.frame_names[id] = hash;
    } else {
      written.frame_names.push_back(hash);
    }
  }
  for (const auto& stacks = tables.stacks(); written.stacks < stacks.size(); ++written.stacks) {
    const profile::Stack& stack = stacks[written.stacks];
    const std::uint64_t id = written.stacks;
    if (auto done = statements_[kStack].run(id, std::uint64_t{stack.size()}); !done) return done;
    for (std::size_t position = 0; position < stack.size(); ++position) {
      if (auto done = statements_[kStackFrame].run(id, std::uint64_t{position}, stack[position]); !done) return done;
    }
  }
  const auto& threads = tables.threads();
  for (std::size_t id = 0; id < threads.size(); ++id) {
    const std::size_t hash = name_hash(threads[id]);
    if (id < written.thread_names.size() && written.thread_names[id] == hash) continue;
    if (auto done = statements_[kThread].run(std::uint64_t{id}, threads[id].tid, threads[id].name); !done) return done;
    if (id < written.thread_names.size()) {
      written.thread_names[id] = hash;
    } else {
      written.thread_names.push_back(hash);
    }
  }
  return {};
}

Result<std::int64_t> Rows::write_histogram(const KernelHistogram& histogram, Written& written) {
  const auto counts = histogram.counts();
  if (std::all_of(counts.begin(), counts.end(), [](std::uint64_t count) { return count == 0; })) return -1;
  const std::int64_t id = written.histograms++;
  for (std::size_t bucket = 0; bucket < counts.size(); ++bucket) {
    if (counts[bucket] == 0) continue;
    if (auto done = statements_[kHistogram].run(id, std::uint64_t{bucket}, counts[bucket]); !done) {
      return std::unexpected(done.error());
    }
  }
  return id;
}

Result<> Rows::write_threads(std::int64_t id, const profile::Slice& slice, Written& written) {
  // One row for a thread and slice is what the schema promises; a life told in two pieces is joined.
  std::map<profile::ThreadId, profile::ThreadSlice> threads;
  for (const profile::ThreadSlice& thread : slice.threads) {
    const auto [found, inserted] = threads.try_emplace(thread.thread, thread);
    if (!inserted) profile::add(found->second, thread);
  }
  for (const auto& [thread_id, thread] : threads) {
    const auto run_queue = write_histogram(thread.run_queue_ns, written);
    if (!run_queue) return std::unexpected(run_queue.error());
    if (auto done = statements_[kThreadSlice].run(
            id, thread_id, thread.from_ns, thread.to_ns, thread.ended, thread.switches_voluntary,
            thread.switches_preempted, thread.migrations, thread.wakeups, thread.socket.writes, thread.socket.bytes,
            thread.socket.would_block, thread.socket.errors, *run_queue);
        !done) {
      return done;
    }
    for (std::size_t reason = 0; reason < kReasons; ++reason) {
      if (thread.ns[reason] == 0) continue;
      if (auto done = statements_[kThreadReason].run(id, thread_id, std::uint64_t{reason}, thread.ns[reason]); !done) {
        return done;
      }
    }
    for (const auto& [number, count] : thread.socket.by_errno) {
      if (auto done = statements_[kSocketErrno].run(id, thread_id, number, count); !done) return done;
    }
  }
  return {};
}

Result<> Rows::write_operations(std::int64_t id, const profile::Slice& slice, Written& written) {
  for (const kernel::MapReading& map : slice.maps) {
    const auto latency = write_histogram(map.latency_ns, written);
    if (!latency) return std::unexpected(latency.error());
    if (auto done = statements_[kMapOp].run(id, map.map_id, map.map_name, map.map_type, map.operation, map.count,
                                            map.errors, map.total_ns, *latency);
        !done) {
      return done;
    }
  }
  for (const kernel::RegistryReading& row : slice.registries) {
    const auto wait = write_histogram(row.wait, written);
    if (!wait) return std::unexpected(wait.error());
    if (auto done = statements_[kRegistryOp].run(id, row.registry, row.shard, row.operation, row.count, row.wait_ns,
                                                 row.hold_ns, *wait);
        !done) {
      return done;
    }
  }
  for (const profile::Metric& metric : slice.metrics) {
    const auto histogram = write_histogram(metric.histogram, written);
    if (!histogram) return std::unexpected(histogram.error());
    if (auto done = statements_[kMetric].run(id, metric.name, static_cast<int>(metric.kind), metric.value, *histogram);
        !done) {
      return done;
    }
  }
  return {};
}

Result<> Rows::write_ledger(std::int64_t id, const profile::Slice& slice) {
  for (const LedgerEntry& entry : slice.ledger) {
    if (auto done = statements_[kLedger].run(id, entry.source, entry.produced, entry.delivered); !done) return done;
    const std::int64_t row = sqlite3_last_insert_rowid(db_);
    for (const auto* losses : {&entry.missed, &entry.dropped}) {
      for (const auto& [cause, count] : *losses) {
        if (auto done = statements_[kLedgerLoss].run(row, losses == &entry.dropped, cause, count); !done) return done;
      }
    }
  }
  return {};
}

Result<> Rows::write_slice(std::int64_t id, const profile::Slice& slice, Written& written) {
  if (auto done = statements_[kSlice].run(id, slice.from_ns, slice.to_ns, slice.cost.cpu_ns, slice.cost.resident_bytes);
      !done) {
    return done;
  }
  if (auto done = write_threads(id, slice, written); !done) return done;
  for (const profile::SampleRow& row : slice.samples) {
    if (auto done = statements_[kSample].run(id, static_cast<int>(row.sampler), static_cast<int>(row.reason),
                                             row.thread, row.stack, row.weight, row.count);
        !done) {
      return done;
    }
  }
  if (auto done = write_operations(id, slice, written); !done) return done;
  if (auto done = write_ledger(id, slice); !done) return done;
  for (const profile::Event& event : slice.events) {
    if (auto done = statements_[kEvent].run(id, event.time_ns, event.text); !done) return done;
  }
  for (const kernel::ProgramCost& program : slice.cost.programs) {
    if (auto done = statements_[kProgramCost].run(id, program.name, program.runs, program.run_ns); !done) return done;
  }
  return {};
}

}  // namespace fanlight::store
