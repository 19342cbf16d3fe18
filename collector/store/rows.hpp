// The rows of a recording, written. In: tables and slices. Out: INSERTs within the caller's transaction. For this room
// only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "collector/profile/window.hpp"
#include "collector/store/sqlite.hpp"

namespace fanlight::store {

/// Changes a text before it is written.
using Redact = std::function<std::string(const std::string&)>;

/// A place in the tree of stacks: the row id in `stack`. 0 is the empty stack.
using NodeId = std::uint32_t;

/// What the file holds already. Right only while every transaction is committed; `reload` makes it so again.
struct Written {
  std::vector<std::size_t> frames;        // hashes: tells frames that became better known
  std::vector<std::size_t> thread_names;  // hashes
  std::unordered_map<std::string, std::size_t> modules;
  std::vector<std::size_t> build_ids;               // by module: hashes
  std::size_t labels = 1;                           // the empty set has no rows
  std::vector<NodeId> stack_nodes;                  // by StackId; kNoNode: not in the file
  std::unordered_map<std::uint64_t, NodeId> nodes;  // by parent, frame and how that was found
  NodeId next_node = 1;
  std::vector<NodeId> free_nodes;
  std::int64_t histograms = 0;

  static constexpr NodeId kNoNode = ~NodeId{0};
  // Readers take at most 2^26 nodes.
  static constexpr std::uint64_t key(NodeId parent, profile::FrameId frame, FrameFound found) {
    return (std::uint64_t{parent} << 36) | (static_cast<std::uint64_t>(found) << 32) | frame;
  }
  static constexpr NodeId parent_of(std::uint64_t key) { return static_cast<NodeId>(key >> 36); }
};

/// What the file says it holds. Frames, names and labels count as unwritten: writing them again changes nothing.
Result<Written> reload(sqlite3* db);

/// The names behind the numbers, for people: reasons, samplers, histogram buckets.
Result<> write_words(sqlite3* db);
/// Replaces the target and the forms of its probes.
Result<> write_target(sqlite3* db, const profile::Target& target, const Redact& redact);
Result<> write_meta(sqlite3* db, std::int64_t realtime_offset_ns);

/// Prepared once. Must be destroyed before the database is closed.
class Rows {
 public:
  static Result<Rows> prepare(sqlite3* db, Redact redact);

  /// What `tables` has and `written` has not, and what became better known. Stacks are written with the slice that
  /// names them.
  Result<> write_tables(const profile::Tables& tables, Written& written);
  Result<> write_slice(std::int64_t id, const profile::Tables& tables, const profile::Slice& slice, Written& written);

 private:
  Rows(sqlite3* db, Redact redact) : db_(db), redact_(std::move(redact)) {}
  std::string shown(const std::string& text) const { return redact_ ? redact_(text) : text; }
  Result<> write_frame(profile::FrameId id, const profile::Frame& frame, Written& written);
  Result<> write_build_ids(const profile::Tables& tables, Written& written);
  Result<NodeId> write_stack(profile::StackId id, const profile::Tables& tables, Written& written);
  Result<> write_threads(std::int64_t id, const profile::Slice& slice, Written& written);
  Result<> write_label_times(std::int64_t id, const profile::Slice& slice);
  Result<> write_samples(std::int64_t id, const profile::Tables& tables, const profile::Slice& slice, Written& written);
  Result<> write_operations(std::int64_t id, const profile::Slice& slice, Written& written);
  Result<> write_states(std::int64_t id, const profile::Slice& slice);
  Result<> write_scheduling(std::int64_t id, const profile::Slice& slice);
  Result<> write_ledger(std::int64_t id, const profile::Slice& slice);
  /// The id to refer to it by; -1 for an empty one, which has no rows.
  Result<std::int64_t> write_histogram(const KernelHistogram& histogram, Written& written);

  sqlite3* db_;
  Redact redact_;
  std::vector<Statement> statements_;
};

}  // namespace fanlight::store
