// The tables of everything that the target's processes have mapped. In: pids. Out: arrays for the walker, kept up to
// date.
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

/// Reads the mappings of processes, makes the tables of their files, as many at once as there are CPUs, and publishes
/// them. A file that several have mapped is kept once. Threads: one at a time.
class TargetTables {
 public:
  /// `pid` 0: there is no process yet.
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
  /// One more process, after `publish`. False: it is known, or gone, or there is no slot for it.
  bool add(pid_t pid);
  /// Its slot may go to another.
  void remove(pid_t pid);
  /// Looks at all mappings again; true when they changed, and the arrays with them. Cost: 0.1 ms a process when nothing
  /// changed.
  bool refresh();
  /// The list of mappings to hand to the walker, of the first process.
  std::uint32_t list() const;
  struct Slot {
    pid_t pid = 0;
    std::uint32_t slot = 0;
    std::uint32_t list = 0;
  };
  /// Of all processes, after `publish`.
  std::vector<Slot> slots() const;

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

  struct Process {
    pid_t pid = 0;
    std::uint32_t slot = 0;
    process::Mappings mappings;
  };
  /// Makes the tables of the files that a process has mapped and that there are none of yet.
  void make_missing(const Process& process);
  void place_and_map(const Process& process);
  /// True when its mappings changed; those of a process that is gone stay what they were.
  bool reread(Process& process);

  Cache cache_;
  std::filesystem::path root_;
  std::vector<Process> processes_;
  std::map<FileKey, File> files_;
  std::unique_ptr<Published> published_;
  std::vector<std::string> complaints_;
  std::uint64_t refreshes_ = 0;
};

}  // namespace fanlight::unwind
