#include "collector/store/rows.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "collector/profile/merge.hpp"

namespace fanlight::store {
namespace {

enum Insert : std::size_t {
  kModule,
  kFrame,
  kInlined,
  kStack,
  kLabel,
  kThread,
  kSlice,
  kThreadSlice,
  kThreadReason,
  kThreadLabel,
  kSocketErrno,
  kSample,
  kHistogram,
  kLock,
  kMapOp,
  kRegistryOp,
  kBpfMap,
  kConnection,
  kMetric,
  kLedger,
  kLedgerLoss,
  kEvent,
  kProgramCost,
  kPreemption,
  kTimeline,
  kInserts
};

constexpr std::array<const char*, kInserts> kSql{
    "INSERT OR REPLACE INTO module VALUES(?, ?, ?)",
    "INSERT OR REPLACE INTO frame VALUES(?, ?, ?, ?, ?, ?, ?)",
    "INSERT OR REPLACE INTO inlined VALUES(?, ?, ?, ?, ?)",
    "INSERT INTO stack VALUES(?, ?, ?, ?, ?)",
    "INSERT OR REPLACE INTO label VALUES(?, ?, ?)",
    "INSERT OR REPLACE INTO thread VALUES(?, ?, ?, ?)",
    "INSERT INTO slice VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
    "INSERT INTO thread_slice VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "INSERT INTO thread_reason_ns VALUES(?, ?, ?, ?)",
    "INSERT INTO thread_label_ns VALUES(?, ?, ?, ?, ?)",
    "INSERT INTO socket_errno VALUES(?, ?, ?, ?)",
    "INSERT INTO sample VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "INSERT INTO histogram VALUES(?, ?, ?)",
    "INSERT INTO lock VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
    "INSERT INTO map_op VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "INSERT INTO registry_op VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "INSERT INTO bpf_map VALUES(?, ?, ?, ?, ?, ?, ?)",
    "INSERT INTO connection VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "INSERT INTO metric VALUES(?, ?, ?, ?, ?, ?)",
    "INSERT INTO ledger VALUES(?, ?, ?, ?, ?)",
    "INSERT INTO ledger_loss VALUES(?, ?, ?, ?, ?)",
    "INSERT INTO event VALUES(?, ?, ?, ?, ?)",
    "INSERT INTO program_cost VALUES(?, ?, ?, ?, ?)",
    "INSERT INTO preemption VALUES(?, ?, ?, ?, ?, ?)",
    "INSERT INTO timeline VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
};

/// Kernel addresses use all 64 bits, and all are kept: the sign is only how SQLite shows them.
std::int64_t address(std::uint64_t value) { return static_cast<std::int64_t>(value); }

std::size_t hash_of(const std::string& text) { return std::hash<std::string>{}(text); }

/// Of all that may become better known after a frame was first seen.
std::size_t hash_of(const profile::Frame& frame) {
  std::size_t hash = hash_of(frame.name) * 31 + hash_of(frame.file) * 7 + frame.line;
  for (const profile::Inlined& call : frame.inlined) {
    hash = hash * 131 + hash_of(call.name) * 31 + hash_of(call.file) * 7 + call.line;
  }
  return hash;
}

template <class Value>
bool is_known(const std::vector<Value>& known, std::size_t id, Value value) {
  return id < known.size() && known[id] == value;
}

template <class Value>
void remember(std::vector<Value>& known, std::size_t id, Value value) {
  if (id >= known.size()) known.resize(id + 1);
  known[id] = value;
}

}  // namespace

Result<Written> reload(sqlite3* db) {
  Written written;
  auto stacks = Statement::prepare(db, "SELECT id, parent, frame, coalesce(found, 15) FROM stack WHERE id > 0");
  if (!stacks) return std::unexpected(stacks.error());
  while (true) {
    const auto row = stacks->next();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    const auto id = static_cast<NodeId>(stacks->integer(0));
    const auto parent = static_cast<NodeId>(stacks->integer(1));
    const auto frame = static_cast<profile::FrameId>(stacks->integer(2));
    written.nodes[Written::key(parent, frame, static_cast<FrameFound>(stacks->integer(3)))] = id;
    written.next_node = std::max(written.next_node, id + 1);
  }
  auto histograms = Statement::prepare(db, "SELECT coalesce(max(id) + 1, 0) FROM histogram");
  if (!histograms) return std::unexpected(histograms.error());
  if (const auto row = histograms->next(); !row) return std::unexpected(row.error());
  written.histograms = histograms->integer(0);
  return written;
}

Result<Rows> Rows::prepare(sqlite3* db, Redact redact) {
  Rows rows(db, std::move(redact));
  for (const char* sql : kSql) {
    auto statement = Statement::prepare(db, sql);
    if (!statement) return std::unexpected(statement.error());
    rows.statements_.push_back(std::move(*statement));
  }
  return rows;
}

Result<> Rows::write_frame(profile::FrameId id, const profile::Frame& frame, Written& written) {
  const auto [module, added] = written.modules.emplace(frame.module, written.modules.size());
  if (added) {
    if (auto done = statements_[kModule].run(std::uint64_t{module->second}, shown(frame.module), std::string_view());
        !done) {
      return done;
    }
  }
  if (auto done = statements_[kFrame].run(id, static_cast<int>(frame.origin), std::uint64_t{module->second},
                                          address(frame.offset), shown(frame.name), shown(frame.file), frame.line);
      !done) {
    return done;
  }
  for (std::size_t i = 0; i < frame.inlined.size(); ++i) {
    const profile::Inlined& call = frame.inlined[i];
    if (auto done = statements_[kInlined].run(id, std::uint64_t{i}, shown(call.name), shown(call.file), call.line);
        !done) {
      return done;
    }
  }
  return {};
}

Result<> Rows::write_build_ids(const profile::Tables& tables, Written& written) {
  for (const auto& [path, build_id] : tables.build_ids()) {
    const auto module = written.modules.find(path);
    if (module == written.modules.end() || is_known(written.build_ids, module->second, hash_of(build_id))) continue;
    if (auto done = statements_[kModule].run(std::uint64_t{module->second}, shown(path), build_id); !done) return done;
    remember(written.build_ids, module->second, hash_of(build_id));
  }
  return {};
}

Result<> Rows::write_tables(const profile::Tables& tables, Written& written) {
  const auto& frames = tables.frames();
  for (std::size_t id = 0; id < frames.size(); ++id) {
    const std::size_t hash = hash_of(frames[id]);
    if (is_known(written.frames, id, hash)) continue;
    if (auto done = write_frame(static_cast<profile::FrameId>(id), frames[id], written); !done) return done;
    remember(written.frames, id, hash);
  }
  if (auto done = write_build_ids(tables, written); !done) return done;
  for (const auto& labels = tables.labels(); written.labels < labels.size(); ++written.labels) {
    for (const auto& [key, value] : labels[written.labels]) {
      if (auto done = statements_[kLabel].run(std::uint64_t{written.labels}, key, shown(value)); !done) return done;
    }
  }
  const auto& threads = tables.threads();
  for (std::size_t id = 0; id < threads.size(); ++id) {
    const std::size_t hash = hash_of(threads[id].name) * 31 + static_cast<std::size_t>(threads[id].pid);
    if (is_known(written.thread_names, id, hash)) continue;
    if (auto done =
            statements_[kThread].run(std::uint64_t{id}, threads[id].tid, shown(threads[id].name), threads[id].pid);
        !done) {
      return done;
    }
    remember(written.thread_names, id, hash);
  }
  return {};
}

Result<NodeId> Rows::write_stack(profile::StackId id, const profile::Tables& tables, Written& written) {
  if (id < written.stack_nodes.size() && written.stack_nodes[id] != Written::kNoNode) return written.stack_nodes[id];
  NodeId node = 0;
  std::uint64_t depth = 0;
  const profile::StackFound& found = tables.found()[id];
  for (const profile::FrameId frame : tables.stacks()[id]) {
    const FrameFound how = depth < found.size() ? found[depth] : FrameFound::untold;
    ++depth;
    const auto [place, added] = written.nodes.try_emplace(Written::key(node, frame, how), 0);
    if (added) {
      if (written.free_nodes.empty()) {
        place->second = written.next_node++;
      } else {
        place->second = written.free_nodes.back();
        written.free_nodes.pop_back();
      }
      std::optional<std::uint64_t> told;
      if (how != FrameFound::untold) told = static_cast<std::uint64_t>(how);
      if (auto done = statements_[kStack].run(place->second, node, frame, depth, told); !done) {
        return std::unexpected(done.error());
      }
    }
    node = place->second;
  }
  if (id >= written.stack_nodes.size()) written.stack_nodes.resize(tables.stacks().size(), Written::kNoNode);
  return written.stack_nodes[id] = node;
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

Result<> Rows::write_label_times(std::int64_t id, const profile::Slice& slice) {
  for (const profile::LabelTime& time : slice.label_times) {
    for (std::size_t reason = 0; reason < kReasons; ++reason) {
      if (time.ns[reason] == 0) continue;
      if (auto done =
              statements_[kThreadLabel].run(id, time.thread, time.labels, std::uint64_t{reason}, time.ns[reason]);
          !done) {
        return done;
      }
    }
  }
  return {};
}

Result<> Rows::write_samples(std::int64_t id, const profile::Tables& tables, const profile::Slice& slice,
                             Written& written) {
  std::uint64_t position = 0;
  for (const profile::SampleRow& row : slice.samples) {
    const auto node = write_stack(row.stack, tables, written);
    if (!node) return std::unexpected(node.error());
    std::optional<std::uint64_t> after_ns;
    if (row.time_ns > 0) after_ns = row.time_ns - std::min(row.time_ns, slice.from_ns);
    if (auto done =
            statements_[kSample].run(id, position++, static_cast<int>(row.sampler), static_cast<int>(row.reason),
                                     row.thread, *node, row.labels, after_ns, row.weight, row.count);
        !done) {
      return done;
    }
  }
  return {};
}

Result<> Rows::write_operations(std::int64_t id, const profile::Slice& slice, Written& written) {
  std::uint64_t position = 0;
  for (const profile::Lock& lock : slice.locks) {
    const auto wait = write_histogram(lock.wait, written);
    if (!wait) return std::unexpected(wait.error());
    if (auto done = statements_[kLock].run(id, position++, address(lock.address), shown(lock.name), shown(lock.holder),
                                           lock.waits, lock.wait_ns, *wait);
        !done) {
      return done;
    }
  }
  for (const kernel::MapReading& map : slice.maps) {
    const auto latency = write_histogram(map.latency_ns, written);
    if (!latency) return std::unexpected(latency.error());
    if (auto done = statements_[kMapOp].run(id, position++, map.map_id, shown(map.map_name), map.map_type,
                                            map.operation, map.count, map.errors, map.total_ns, *latency);
        !done) {
      return done;
    }
  }
  for (const kernel::RegistryReading& row : slice.registries) {
    const auto wait = write_histogram(row.wait, written);
    if (!wait) return std::unexpected(wait.error());
    if (auto done = statements_[kRegistryOp].run(id, position++, shown(row.registry), row.shard, row.operation,
                                                 row.count, row.wait_ns, row.hold_ns, *wait);
        !done) {
      return done;
    }
  }
  for (const profile::Metric& metric : slice.metrics) {
    const auto histogram = write_histogram(metric.histogram, written);
    if (!histogram) return std::unexpected(histogram.error());
    if (auto done = statements_[kMetric].run(id, position++, shown(metric.name), static_cast<int>(metric.kind),
                                             metric.value, *histogram);
        !done) {
      return done;
    }
  }
  return {};
}

Result<> Rows::write_states(std::int64_t id, const profile::Slice& slice) {
  std::uint64_t position = 0;
  for (const kernel::MapState& map : slice.map_states) {
    if (auto done = statements_[kBpfMap].run(id, position++, map.map_id, shown(map.name), map.type, map.max_entries,
                                             map.entries);
        !done) {
      return done;
    }
  }
  for (const kernel::ConnectionReading& one : slice.connections) {
    if (auto done = statements_[kConnection].run(
            id, position++, one.id, shown(one.local), shown(one.peer), one.state, one.watched_ns, one.sent_bytes,
            one.acknowledged_bytes, one.received_bytes, one.retransmits, one.busy_ns, one.peer_limited_ns,
            one.buffer_limited_ns, one.queued_bytes, one.most_queued_bytes, one.unsent_bytes, one.unread_bytes,
            one.stalled_ns, one.rtt_ns, one.rtt_deviation_ns);
        !done) {
      return done;
    }
  }
  return {};
}

Result<> Rows::write_scheduling(std::int64_t id, const profile::Slice& slice) {
  std::uint64_t position = 0;
  for (const profile::Preemption& row : slice.preemptions) {
    if (auto done = statements_[kPreemption].run(id, position++, row.thread, shown(row.by), row.count, row.ns); !done)
      return done;
  }
  position = 0;
  for (const profile::TimelineRow& row : slice.timeline) {
    if (auto done = statements_[kTimeline].run(id, position++, row.time_ns, row.thread, static_cast<int>(row.kind),
                                               static_cast<int>(row.reason), std::uint64_t{row.cpu}, row.waker);
        !done) {
      return done;
    }
  }
  return {};
}

Result<> Rows::write_ledger(std::int64_t id, const profile::Slice& slice) {
  std::uint64_t position = 0;
  for (const LedgerEntry& entry : slice.ledger) {
    if (auto done = statements_[kLedger].run(id, position, entry.source, entry.produced, entry.delivered); !done) {
      return done;
    }
    for (const auto* losses : {&entry.missed, &entry.dropped}) {
      for (const auto& [cause, count] : *losses) {
        if (auto done = statements_[kLedgerLoss].run(id, position, losses == &entry.dropped, cause, count); !done) {
          return done;
        }
      }
    }
    ++position;
  }
  return {};
}

Result<> Rows::write_slice(std::int64_t id, const profile::Tables& tables, const profile::Slice& slice,
                           Written& written) {
  if (auto done = statements_[kSlice].run(id, slice.from_ns, slice.to_ns, slice.cost.cpu_ns, slice.cost.resident_bytes,
                                          slice.machine.interrupts_ns, slice.machine.soft_interrupts_ns,
                                          slice.machine.stolen_ns);
      !done) {
    return done;
  }
  if (auto done = write_threads(id, slice, written); !done) return done;
  if (auto done = write_label_times(id, slice); !done) return done;
  if (auto done = write_samples(id, tables, slice, written); !done) return done;
  if (auto done = write_operations(id, slice, written); !done) return done;
  if (auto done = write_states(id, slice); !done) return done;
  if (auto done = write_scheduling(id, slice); !done) return done;
  if (auto done = write_ledger(id, slice); !done) return done;
  std::uint64_t position = 0;
  for (const profile::Event& event : slice.events) {
    if (auto done =
            statements_[kEvent].run(id, position++, event.time_ns, static_cast<int>(event.kind), shown(event.text));
        !done) {
      return done;
    }
  }
  for (const kernel::ProgramCost& program : slice.cost.programs) {
    if (auto done = statements_[kProgramCost].run(id, position++, program.name, program.runs, program.run_ns); !done) {
      return done;
    }
  }
  return {};
}

}  // namespace fanlight::store
