// The rows of a recording, written. In: tables and slices. Out: INSERTs within the caller's transaction. For this room
// only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "collector/profile/window.hpp"
#include "collector/store/sqlite.hpp"

namespace fanlight::store {

/// What the file holds already; the caller keeps the new value only when its transaction was committed.
struct Written {
  std::vector<std::size_t> frame_names;   // hashes: tells renamed frames
  std::vector<std::size_t> thread_names;  // hashes
  std::size_t stacks = 0;
  std::int64_t histograms = 0;
};

/// The names behind the numbers, for people: reasons, samplers, histogram buckets.
Result<> write_words(sqlite3* db);
/// Replaces the target and the forms of its probes.
Result<> write_target(sqlite3* db, const profile::Target& target);
Result<> write_meta(sqlite3* db, std::int64_t realtime_offset_ns);

/// Prepared once. Must be destroyed before the database is closed.
class Rows {
 public:
  static Result<Rows> prepare(sqlite3* db);

  /// What `tables` has and `written` has not, and changed names.
  Result<> write_tables(const profile::Tables& tables, Written& written);
  Result<> write_slice(std::int64_t id, const profile::Slice& slice, Written& written);

 private:
  explicit Rows(sqlite3* db) : db_(db) {}
  Result<> write_threads(std::int64_t id, const profile::Slice& slice, Written& written);
  Result<> write_operations(std::int64_t id, const profile::Slice& slice, Written& written);
  Result<> write_ledger(std::int64_t id, const profile::Slice& slice);
  /// The id to refer to it by; -1 for an empty one, which has no rows.
  Result<std::int64_t> write_histogram(const KernelHistogram& histogram, Written& written);

  sqlite3* db_;
  std::vector<Statement> statements_;
};

}  // namespace fanlight::store
