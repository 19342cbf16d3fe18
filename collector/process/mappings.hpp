// Which file each executable address of a process comes from. In: /proc/PID/maps. Out: (module, offset in the file).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"

namespace fanlight::process {

struct Mapping {
  std::uint64_t start = 0;
  std::uint64_t end = 0;     // exclusive
  std::uint64_t offset = 0;  // of `start` within the file
  std::uint64_t inode = 0;
  std::string path;  // as the target sees it, without " (deleted)"; "[vdso]", "[anon]" for what has no file
  bool deleted = false;
};

/// The executable mappings of a process at one moment, in order of address. Threads: const, any.
class Mappings {
 public:
  /// Errors: gone, not permitted. Lines that make no sense are skipped and counted.
  static Result<Mappings> read(pid_t pid, const std::filesystem::path& root = "/");
  /// From the text of a maps file. Cost: O(n log n).
  static Mappings parse(std::string_view text);

  /// The mapping that holds `address`, or null. Cost: O(log n).
  const Mapping* find(std::uint64_t address) const;
  const std::vector<Mapping>& all() const { return mappings_; }
  std::uint64_t malformed_lines() const { return malformed_lines_; }

 private:
  std::vector<Mapping> mappings_;
  std::uint64_t malformed_lines_ = 0;
};

}  // namespace fanlight::process
