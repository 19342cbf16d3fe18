// The tables of a recording. In: nothing. Out: SQL that makes them, and how a file of ours is known from others.
// docs/recording.md explains each table; this file and that page change together, with kSchemaVersion.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace fanlight::store {

/// Bytes 68 to 71 of the file, big-endian: "Fanl". Source: sqlite.org/fileformat.html, "Application ID".
inline constexpr std::uint32_t kApplicationId = 0x46616e6c;

/// Every table that a reader needs, by version.
inline constexpr std::array kTables1{"meta",         "target", "form",        "frame",        "stack",
                                     "stack_frame",  "thread", "slice",       "thread_slice", "thread_reason_ns",
                                     "socket_errno", "sample", "histogram",   "map_op",       "registry_op",
                                     "metric",       "ledger", "ledger_loss", "event",        "program_cost"};
inline constexpr std::array kTables2{"meta",         "target",    "form",         "module",           "frame",
                                     "inlined",      "stack",     "label",        "thread",           "slice",
                                     "sample",       "histogram", "thread_slice", "thread_reason_ns", "map_op",
                                     "socket_errno", "lock",      "metric",       "registry_op",      "ledger",
                                     "ledger_loss",  "event",     "program_cost"};
inline constexpr std::array kTables3{
    "meta",   "target",       "form",       "module",   "frame",           "inlined",      "stack",
    "label",  "thread",       "slice",      "sample",   "histogram",       "thread_slice", "thread_reason_ns",
    "map_op", "socket_errno", "lock",       "metric",   "registry_op",     "ledger",       "ledger_loss",
    "event",  "program_cost", "preemption", "timeline", "thread_label_ns", "connection",   "bpf_map"};
constexpr std::span<const char* const> tables_of(int version) {
  switch (version) {
    case 1: return kTables1;
    case 2: return kTables2;
    default: return kTables3;
  }
}

/// The tables whose rows belong to one slice and go with it.
inline constexpr std::array kOfSlice{"thread_slice", "thread_reason_ns", "socket_errno", "sample",   "lock",
                                     "map_op",       "registry_op",      "metric",       "ledger",   "ledger_loss",
                                     "event",        "program_cost",     "preemption",   "timeline", "thread_label_ns",
                                     "connection",   "bpf_map"};

// Stacks are one tree: callers are stored once, however many stacks go through them. A row of a slice is found by the
// slice, so that a rolling recording forgets its oldest second without looking at the others.
inline constexpr const char* kSchema = R"sql(
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE target(pid INTEGER, name TEXT, executable TEXT, kernel TEXT, host TEXT, sample_hz INTEGER,
                    weight_unit TEXT);
CREATE TABLE form(id INTEGER PRIMARY KEY, probe TEXT, form TEXT, why TEXT);

CREATE TABLE module(id INTEGER PRIMARY KEY, path TEXT, build_id TEXT);
CREATE TABLE frame(id INTEGER PRIMARY KEY, origin INTEGER, module INTEGER, offset INTEGER, name TEXT, file TEXT,
                   line INTEGER);
CREATE TABLE inlined(frame INTEGER, position INTEGER, name TEXT, file TEXT, line INTEGER,
                     PRIMARY KEY(frame, position)) WITHOUT ROWID;
CREATE TABLE stack(id INTEGER PRIMARY KEY, parent INTEGER, frame INTEGER, depth INTEGER, found INTEGER);
CREATE TABLE label(labels INTEGER, key TEXT, value TEXT, PRIMARY KEY(labels, key)) WITHOUT ROWID;
CREATE TABLE thread(id INTEGER PRIMARY KEY, tid INTEGER, name TEXT, pid INTEGER);

CREATE TABLE slice(id INTEGER PRIMARY KEY, from_ns INTEGER, to_ns INTEGER, own_cpu_ns INTEGER,
                   own_resident_bytes INTEGER, interrupts_ns INTEGER, soft_interrupts_ns INTEGER, stolen_ns INTEGER);
CREATE TABLE thread_slice(slice INTEGER, thread INTEGER, from_ns INTEGER, to_ns INTEGER, ended INTEGER,
                          switches_voluntary INTEGER, switches_preempted INTEGER, migrations INTEGER, wakeups INTEGER,
                          socket_writes INTEGER, socket_bytes INTEGER, socket_would_block INTEGER,
                          socket_errors INTEGER, run_queue INTEGER, PRIMARY KEY(slice, thread)) WITHOUT ROWID;
CREATE TABLE thread_reason_ns(slice INTEGER, thread INTEGER, reason INTEGER, ns INTEGER,
                              PRIMARY KEY(slice, thread, reason)) WITHOUT ROWID;
CREATE TABLE thread_label_ns(slice INTEGER, thread INTEGER, labels INTEGER, reason INTEGER, ns INTEGER,
                             PRIMARY KEY(slice, thread, labels, reason)) WITHOUT ROWID;
CREATE TABLE socket_errno(slice INTEGER, thread INTEGER, errno INTEGER, count INTEGER,
                          PRIMARY KEY(slice, thread, errno)) WITHOUT ROWID;
CREATE TABLE sample(slice INTEGER, position INTEGER, sampler INTEGER, reason INTEGER, thread INTEGER, stack INTEGER,
                    labels INTEGER, after_ns INTEGER, weight INTEGER, count INTEGER,
                    PRIMARY KEY(slice, position)) WITHOUT ROWID;
CREATE TABLE histogram(id INTEGER, bucket INTEGER, count INTEGER, PRIMARY KEY(id, bucket)) WITHOUT ROWID;

CREATE TABLE lock(slice INTEGER, position INTEGER, address INTEGER, name TEXT, holder TEXT, waits INTEGER,
                  wait_ns INTEGER, wait INTEGER, PRIMARY KEY(slice, position)) WITHOUT ROWID;
CREATE TABLE map_op(slice INTEGER, position INTEGER, map_id INTEGER, map_name TEXT, map_type TEXT, operation TEXT,
                    count INTEGER, errors INTEGER, total_ns INTEGER, latency INTEGER,
                    PRIMARY KEY(slice, position)) WITHOUT ROWID;
CREATE TABLE registry_op(slice INTEGER, position INTEGER, registry TEXT, shard INTEGER, operation TEXT, count INTEGER,
                         wait_ns INTEGER, hold_ns INTEGER, wait INTEGER,
                         PRIMARY KEY(slice, position)) WITHOUT ROWID;
CREATE TABLE bpf_map(slice INTEGER, position INTEGER, map_id INTEGER, map_name TEXT, map_type TEXT,
                     max_entries INTEGER, entries INTEGER, PRIMARY KEY(slice, position)) WITHOUT ROWID;
CREATE TABLE connection(slice INTEGER, position INTEGER, id INTEGER, local TEXT, peer TEXT, state TEXT,
                        watched_ns INTEGER, sent_bytes INTEGER, acknowledged_bytes INTEGER, received_bytes INTEGER,
                        retransmits INTEGER, busy_ns INTEGER, peer_limited_ns INTEGER, buffer_limited_ns INTEGER,
                        queued_bytes INTEGER, most_queued_bytes INTEGER, unsent_bytes INTEGER, unread_bytes INTEGER,
                        stalled_ns INTEGER, rtt_ns INTEGER, rtt_deviation_ns INTEGER,
                        PRIMARY KEY(slice, position)) WITHOUT ROWID;
CREATE TABLE metric(slice INTEGER, position INTEGER, name TEXT, kind INTEGER, value REAL, histogram INTEGER,
                    PRIMARY KEY(slice, position)) WITHOUT ROWID;
CREATE TABLE ledger(slice INTEGER, position INTEGER, source TEXT, produced INTEGER, delivered INTEGER,
                    PRIMARY KEY(slice, position)) WITHOUT ROWID;
CREATE TABLE ledger_loss(slice INTEGER, entry INTEGER, dropped INTEGER, cause TEXT, count INTEGER,
                         PRIMARY KEY(slice, entry, dropped, cause)) WITHOUT ROWID;
CREATE TABLE event(slice INTEGER, position INTEGER, time_ns INTEGER, kind INTEGER, text TEXT,
                   PRIMARY KEY(slice, position)) WITHOUT ROWID;
CREATE TABLE program_cost(slice INTEGER, position INTEGER, name TEXT, runs INTEGER, run_ns INTEGER,
                          PRIMARY KEY(slice, position)) WITHOUT ROWID;
CREATE TABLE preemption(slice INTEGER, position INTEGER, thread INTEGER, by TEXT, count INTEGER, ns INTEGER,
                        PRIMARY KEY(slice, position)) WITHOUT ROWID;
CREATE TABLE timeline(slice INTEGER, position INTEGER, time_ns INTEGER, thread INTEGER, kind INTEGER, reason INTEGER,
                      cpu INTEGER, waker INTEGER, PRIMARY KEY(slice, position)) WITHOUT ROWID;

CREATE TABLE reason(id INTEGER PRIMARY KEY, state TEXT, name TEXT);
CREATE TABLE sampler(id INTEGER PRIMARY KEY, name TEXT, unit TEXT);
CREATE TABLE found(id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE bucket(id INTEGER PRIMARY KEY, low INTEGER, high INTEGER);
CREATE VIEW governor AS SELECT slice, time_ns, text FROM event WHERE kind = 1;
CREATE VIEW stack_frame AS
  WITH RECURSIVE up(stack, node, position) AS (
    SELECT id, id, depth - 1 FROM stack WHERE depth > 0
    UNION ALL SELECT up.stack, parent, position - 1 FROM up JOIN stack ON stack.id = node WHERE position > 0)
  SELECT up.stack, position, frame FROM up JOIN stack ON stack.id = node;
CREATE VIEW stack_text AS
  WITH RECURSIVE up(stack, node, frames) AS (
    SELECT stack.id, parent, name FROM stack JOIN frame ON frame.id = frame
    UNION ALL SELECT up.stack, parent, name || ';' || frames
              FROM up JOIN stack ON stack.id = node JOIN frame ON frame.id = stack.frame)
  SELECT stack, frames FROM up WHERE node = 0;
)sql";

}  // namespace fanlight::store
