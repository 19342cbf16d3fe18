// A file that is there whole or not at all. In: a path, its text. Out: the file, or what was there before.
#pragma once

#include <string>
#include <string_view>

#include "core/error.hpp"

namespace fanlight::load {

/// Looks, without touching anything, whether `write_whole` may succeed. Errors: no such directory, no permission.
Result<> check_writable(const std::string& path);

/// Writes beside `path` and renames, so that a run that fails leaves nothing half; what is not a regular file (a pipe,
/// a device) is written to as it is. Errors: the path, the disk.
Result<> write_whole(const std::string& path, std::string_view text);

}  // namespace fanlight::load
