// Opens the files that a target has mapped. In: paths as the target sees them. Out: descriptors of the very same files.
#pragma once

#include <sys/types.h>

#include <filesystem>
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

  /// The separate debug file for a build-id (lower-case hexadecimal), looked for below the target's root, then below
  /// our own. Errors: there is none. Source: GDB manual, "Debugging Information in Separate Files".
  Result<Fd> open_debug_file(const std::string& build_id) const;

 private:
  pid_t pid_;
  std::filesystem::path root_;
  Fd own_root_;     // directory of `root_`
  Fd target_root_;  // directory of /proc/PID/root; none when it may not be read
  Fd executable_;   // O_PATH of /proc/PID/exe
  std::string executable_path_;
};

}  // namespace fanlight::symbols
