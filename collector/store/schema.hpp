// The tables of a recording. In: nothing. Out: SQL that makes them, and how a file of ours is known from others.
// docs/recording.md explains each table; this file and that page change together, with kSchemaVersion.
#pragma once

#include <array>
#include <cstdint>

namespace fanlight::store {

/// Bytes 68 to 71 of the file, big-endian: "Fanl". Source: sqlite.org/fileformat.html, "Application ID".
inline constexpr std::uint32_t kApplicationId = 0x46616e6c;

/// Every table that a reader needs.
inline constexpr std::array kTables{"meta",         "target", "form",        "frame",        "stack",
                                    "stack_frame",  "thread", "slice",       "thread_slice", "thread_reason_ns",
                                    "socket_errno", "sample", "histogram",   "map_op",       "registry_op",
                                    "metric",       "ledger", "ledger_loss", "event",        "program_cost"};

inline constexpr const char* kSchema = R"sql(
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE target(pid INTEGER, name TEXT, executable TEXT, kernel TEXT, host TEXT, sample_hz INTEGER);
CREATE TABLE form(id INTEGER PRIMARY KEY, probe TEXT, form TEXT, why TEXT);

CREATE TABLE frame(id INTEGER PRIMARY KEY, origin INTEGER, module TEXT, offset INTEGER, name TEXT);
CREATE TABLE stack(id INTEGER PRIMARY KEY, depth INTEGER);
CREATE TABLE stack_frame(stack INTEGER, position INTEGER, frame INTEGER, PRIMARY KEY(stack, position)) WITHOUT ROWID;
CREATE TABLE thread(id INTEGER PRIMARY KEY, tid INTEGER, name TEXT);

CREATE TABLE slice(id INTEGER PRIMARY KEY, from_ns INTEGER, to_ns INTEGER, own_cpu_ns INTEGER,
                   own_resident_bytes INTEGER);
CREATE TABLE thread_slice(slice INTEGER, thread INTEGER, from_ns INTEGER, to_ns INTEGER, ended INTEGER,
                          switches_voluntary INTEGER, switches_preempted INTEGER, migrations INTEGER, wakeups INTEGER,
                          socket_writes INTEGER, socket_bytes INTEGER, socket_would_block INTEGER,
                          socket_errors INTEGER, run_queue INTEGER, PRIMARY KEY(slice, thread)) WITHOUT ROWID;
CREATE TABLE thread_reason_ns(slice INTEGER, thread INTEGER, reason INTEGER, ns INTEGER,
                              PRIMARY KEY(slice, thread, reason)) WITHOUT ROWID;
CREATE TABLE socket_errno(slice INTEGER, thread INTEGER, errno INTEGER, count INTEGER,
                          PRIMARY KEY(slice, thread, errno)) WITHOUT ROWID;
CREATE TABLE sample(id INTEGER PRIMARY KEY, slice INTEGER, sampler INTEGER, reason INTEGER, thread INTEGER,
                    stack INTEGER, weight INTEGER, count INTEGER);
CREATE TABLE histogram(id INTEGER, bucket INTEGER, count INTEGER, PRIMARY KEY(id, bucket)) WITHOUT ROWID;

CREATE TABLE map_op(id INTEGER PRIMARY KEY, slice INTEGER, map_id INTEGER, map_name TEXT, map_type TEXT,
                    operation TEXT, count INTEGER, errors INTEGER, total_ns INTEGER, latency INTEGER);
CREATE TABLE registry_op(id INTEGER PRIMARY KEY, slice INTEGER, registry TEXT, shard INTEGER, operation TEXT,
                         count INTEGER, wait_ns INTEGER, hold_ns INTEGER, wait INTEGER);
CREATE TABLE metric(id INTEGER PRIMARY KEY, slice INTEGER, name TEXT, kind INTEGER, value REAL, histogram INTEGER);
CREATE TABLE ledger(id INTEGER PRIMARY KEY, slice INTEGER, source TEXT, produced INTEGER, delivered INTEGER);
CREATE TABLE ledger_loss(entry INTEGER, dropped INTEGER, cause TEXT, count INTEGER,
                         PRIMARY KEY(entry, dropped, cause)) WITHOUT ROWID;
CREATE TABLE event(id INTEGER PRIMARY KEY, slice INTEGER, time_ns INTEGER, text TEXT);
CREATE TABLE program_cost(id INTEGER PRIMARY KEY, slice INTEGER, name TEXT, runs INTEGER, run_ns INTEGER);

CREATE TABLE reason(id INTEGER PRIMARY KEY, state TEXT, name TEXT);
CREATE TABLE sampler(id INTEGER PRIMARY KEY, name TEXT, unit TEXT);
CREATE TABLE bucket(id INTEGER PRIMARY KEY, low INTEGER, high INTEGER);
CREATE VIEW stack_text AS
  SELECT stack, group_concat(name, ';') AS frames
  FROM (SELECT stack, name FROM stack_frame JOIN frame ON frame.id = stack_frame.frame ORDER BY stack, position)
  GROUP BY stack;
)sql";

}  // namespace fanlight::store
