// The oldest seconds of a recording make room. In: what a file may hold. Out: DELETEs within the caller's transaction.
// For this room only.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>

#include "collector/profile/window.hpp"
#include "collector/store/recording.hpp"
#include "collector/store/rows.hpp"
#include "collector/store/sqlite.hpp"

namespace fanlight::store {

/// Knows which slices are in the file. Threads: one at a time.
class Rolling {
 public:
  Rolling(std::filesystem::path file, const RecorderOptions& options)
      : file_(std::move(file)), keep_(options.keep), max_bytes_(options.max_bytes) {}

  /// A slice is in the file from here on; its histograms begin at `first_histogram`.
  void wrote(std::int64_t slice, std::uint64_t to_ns, std::int64_t first_histogram);
  /// Lets go what is older than wanted or too much, and the stacks that nothing names any more. What it did counts once
  /// the transaction is committed: until `settle`, `undo` takes it back.
  /// Cost: O(rows let go); now and then O(stacks).
  Result<> make_room(sqlite3* db, std::uint64_t now_ns, Written& written);
  void settle() { gone_.clear(); }
  void undo();

 private:
  struct Kept {
    std::int64_t slice = 0;
    std::uint64_t to_ns = 0;
    std::int64_t first_histogram = 0;
  };
  Result<> let_go_oldest(sqlite3* db);
  Result<bool> too_large(sqlite3* db) const;
  Result<> forget_unused_stacks(sqlite3* db, Written& written);

  std::filesystem::path file_;
  std::optional<std::chrono::nanoseconds> keep_;
  std::uint64_t max_bytes_ = 0;
  std::deque<Kept> kept_;
  std::deque<Kept> gone_;
  std::size_t nodes_after_last_sweep_ = 1024;
};

}  // namespace fanlight::store
