// Where data goes. In: bytes and a path. Out: the whole file or nothing.
#pragma once

#include <filesystem>
#include <string_view>

#include "core/error.hpp"

namespace fanlight::cli {

/// Writes to stdout when `path` is empty or "-", otherwise to a new file that takes the place of `path` when it is
/// complete. Errors: cannot create, disk full, the reader of stdout went away.
Result<> write_out(const std::filesystem::path& path, std::string_view bytes);

}  // namespace fanlight::cli
