// Rows for the tables. In: `Profile`. Out: numbers with what they mean, in the order that a person would want.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "collector/profile/profile.hpp"
#include "ui/viewmodel/series.hpp"

namespace fanlight::ui {

struct ThreadRow {
  pid_t tid = 0;
  std::string name;
  bool ended = false;
  std::uint64_t ns = 0;                              // wall time within the range
  std::array<std::uint64_t, kBands.size()> bands{};  // ns; adds up to `ns`
  std::uint64_t run_queue_p99_ns = 0;
  double switches_per_second = 0;
  std::uint64_t migrations = 0;
  bool measured = true;  // false: no probe counted switches, migrations and states
  double share(std::size_t band) const {
    return ns == 0 ? 0 : static_cast<double>(bands[band]) / static_cast<double>(ns);
  }
  /// Blocked, idle waiting included: running, runnable and blocked add up to 1.
  double blocked() const;
};

enum class ThreadOrder : std::uint8_t { name, running, runnable, blocked, idle, run_queue, switches };

/// Busiest first. Cost: O(threads * buckets).
std::vector<ThreadRow> thread_rows(const profile::Profile& profile);
/// Ties are broken by tid, so that rows do not dance.
void sort_rows(std::vector<ThreadRow>& rows, ThreadOrder order, bool descending);

struct SocketRow {
  pid_t tid = 0;  // 0: the sum of all
  std::string thread;
  double writes_per_second = 0;
  double bytes_per_second = 0;
  double bytes_per_write = 0;
  kernel::SocketCounts counts;
};
/// Threads that wrote, most bytes first; where there are several the sum comes before them.
std::vector<SocketRow> socket_rows(const profile::Profile& profile);

/// A BPF map or a registry of the target; both are maps with operations, on one axis.
struct OperationRow {
  std::string object;  // "conns (hash, id 12)", "mutex registry"
  std::string operation;
  bool registry = false;
  std::uint64_t count = 0;
  std::uint64_t errors = 0;
  double per_second = 0;
  std::uint64_t p50_ns = 0;  // of the call; registry: of the wait for its lock
  std::uint64_t p99_ns = 0;
  double mean_hold_ns = 0;  // registry only: how long the lock was held
};
/// Most frequent first, registries before maps. Shards of one registry are joined.
std::vector<OperationRow> operation_rows(const profile::Profile& profile);

struct LedgerRow {
  std::string source;
  std::uint64_t produced = 0, delivered = 0, dropped = 0, missed = 0;
  std::int64_t balance = 0;
  std::string causes;  // "ring full 12, map full 3"
  bool lossy() const { return dropped > 0 || balance != 0; }
};
std::vector<LedgerRow> ledger_rows(const profile::Profile& profile);

struct ProgramRow {
  std::string name;
  std::uint64_t runs = 0;
  double ns_per_run = 0;
  double cpu_share = 0;  // of one CPU
};
/// Most expensive first.
std::vector<ProgramRow> program_rows(const profile::Profile& profile);

struct Note {
  enum class Kind : std::uint8_t { missing, event, agreement, unsure } kind = Kind::event;
  std::string text;
};
/// What is missing, in whole or for a while, and why; how far the samplers agree (below 30 samples of either: that it
/// cannot be said), what happened; newest event first.
std::vector<Note> notes(const profile::Profile& profile);

/// Length of the range; never 0.
double seconds_of(const profile::Profile& profile);

}  // namespace fanlight::ui
