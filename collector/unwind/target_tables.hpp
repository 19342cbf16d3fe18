// The tables of everything that a target has mapped. In: a pid. Out: arrays for the walker, kept up to date.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "collector/process/mappings.hpp"
#include "collector/unwind/cache.hpp"
#include "collector/unwind/published.hpp"
#include "core/error.hpp"

namespace fanlight::unwind {

struct Counts {
  std::uint64_t files = 0;       // with a table
  std::uint64_t from_cache = 0;  // of those, made in an earlier run
  std::uint64_t without = 0;     // files and areas of code without any rules
  std::uint64_t rows = 0;
  std::uint64_t rules = 0;
  std::uint64_t bytes = 0;      // of rows, pages and rules in use
  std::uint64_t mappings = 0;   // executable ones, now
  std::uint64_t refused = 0;    // tables and mappings for which the arrays had no room
  std::uint64_t malformed = 0;  // functions whose description was left out
  std::uint64_t refreshes = 0;  // changes of the mappings that were taken in
};

/// Reads a target's mappings, makes the tables of its files, as many at once as there are CPUs, and publishes them.
/// Threads: one at a time.
class TargetTables {
 public:
  TargetTables(pid_t pid, Cache cache, std::filesystem::path root = "/");
  TargetTables(TargetTables&&) noexcept;
  ~TargetTables();

  /// Reads and makes what is mapped now. Errors: the mappings cannot be read. Cost: 10 ms for an ordinary process, up
  /// to 1 s for a binary of 100 MB the first time.
  Result<> prepare();
  /// What `publish` will need for that.
  Capacity capacity() const;
  /// From now on the arrays are filled.
  void publish(Arrays arrays);
  /// Looks at the mappings again; true when they changed, and the arrays with them. Cost: 0.1 ms when nothing changed.
  bool refresh();
  /// The list of mappings to hand to the walker.
  std::uint32_t list() const;

  Counts counts() const;
  /// Files whose code has no rules, and why: "libfoo.so: no .eh_frame".
  const std::vector<std::string>& complaints() const { return complaints_; }

 private:
  struct FileKey {
    std::string path;
    std::uint64_t inode = 0;
    bool deleted = false;
    auto operator<=>(const FileKey&) const = default;
  };
  struct File {
    Table table;  // its rows are given back once they are placed
    Placed placed;
    bool waits = true;  // to be placed
    bool cached = false;
    std::string why;  // there are no rules
  };

  void make_missing();
  void place_and_map();

  pid_t pid_;
  Cache cache_;
  std::filesystem::path root_;
  process::Mappings mappings_;
  std::map<FileKey, File> files_;
  std::unique_ptr<Published> published_;
  std::vector<std::string> complaints_;
  std::uint64_t refreshes_ = 0;
};

}  // namespace fanlight::unwind
