// Opens the files that a target has mapped. In: paths as the target sees them. Out: descriptors of the very same files.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "core/error.hpp"
#include "core/fd.hpp"

namespace fanlight::symbols {

/// Holds the target's root directory and executable open from construction on, so files can be found after it exited.
/// Threads: one at a time.
class ModuleFiles {
 public:
  /// `pid` 0: files are opened below `root` itself.
  ModuleFiles(pid_t pid, std::filesystem::path root);

  /// A regular file, for reading. A file that was deleted or replaced while the target runs it is reached through
  /// /proc/PID/exe or /proc/PID/map_files. Symbolic links stay within the target's root. Errors: gone, not permitted,
  /// not a regular file.
  Result<Fd> open(const std::string& module) const;

  /// Where the target has mapped that byte of a file for execution; empty: nowhere, or it is gone.
  std::optional<std::uint64_t> address_of(const std::string& module, std::uint64_t offset) const;

  /// The separate debug file for a build-id (lower-case hexadecimal), looked for below the target's root, then below
  /// our own. Errors: there is none. Source: GDB manual, "Debugging Information in Separate Files".
  Result<Fd> open_debug_file(const std::string& build_id) const;

  /// The debug file that `module` names in its .gnu_debuglink, beside it, in .debug beside it, or below /usr/lib/debug;
  /// only one with that checksum. Errors: there is none. Cost: reads the file, up to 4 GiB. Source: as above.
  Result<Fd> open_debug_link(const std::string& module, const std::string& name, std::uint32_t crc) const;

  /// The jitdump that the target has mapped, as the format asks for, to be found by. Errors: there is none.
  Result<Fd> open_jit_dump() const;

  /// /tmp/perf-PID.map of the target, as it sees itself; only one that the target's user owns. Errors: there is none.
  Result<Fd> open_perf_map() const;

 private:
  pid_t pid_;
  std::filesystem::path root_;
  Fd own_root_;     // directory of `root_`
  Fd target_root_;  // directory of /proc/PID/root; none when it may not be read
  Fd executable_;   // O_PATH of /proc/PID/exe
  std::string executable_path_;
};

}  // namespace fanlight::symbols
