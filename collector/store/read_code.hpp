// The code that a recording names. In: frames, stacks, labels and threads of a file. Out: the same in a window's
// tables. For this room only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collector/profile/window.hpp"
#include "collector/store/row.hpp"
#include "collector/store/sqlite.hpp"

namespace fanlight::store {

/// Ids of the file become ids of the tables. A damaged file may hold one thing twice.
class Code {
 public:
  /// `version` is the schema's. Errors: rows that name nothing. Cost: O(rows).
  static Result<Code> read(sqlite3* db, int version, profile::Tables& tables);

  const std::vector<profile::ThreadId>& threads() const { return threads_; }
  /// A stack that a sample names; a problem of the row where there is none.
  profile::StackId stack(Row& row, profile::Tables& tables);
  profile::LabelsId labels(Row& row) const;

 private:
  struct Node {
    std::uint32_t parent = 0;
    profile::FrameId frame = 0;  // of the file
    std::uint32_t depth = kNone;
    FrameFound found = FrameFound::untold;
    profile::StackId stack = kNone;  // once it was asked for
  };
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  Result<> read_modules(sqlite3* db, profile::Tables& tables);
  Result<> read_frames(sqlite3* db, int version, profile::Tables& tables);
  Result<> read_inlined(sqlite3* db, profile::Tables& tables);
  Result<> read_tree(sqlite3* db, int version);
  Result<> read_lists(sqlite3* db, profile::Tables& tables);
  Result<> read_labels(sqlite3* db, profile::Tables& tables);
  Result<> read_threads(sqlite3* db, int version, profile::Tables& tables);

  std::vector<std::string> modules_;
  std::vector<profile::FrameId> frames_;
  std::vector<Node> nodes_;  // by row id
  std::vector<profile::LabelsId> labels_;
  std::vector<profile::ThreadId> threads_;
};

}  // namespace fanlight::store
