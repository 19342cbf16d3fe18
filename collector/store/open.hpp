// A database that may be hostile, opened for reading. In: a path. Out: a connection whose every table was looked at.
// For this room only.
#pragma once

#include <filesystem>

#include "collector/store/sqlite.hpp"

namespace fanlight::store {

/// Read-only, also where the directory cannot be written to. What the connection runs is bounded in steps, and the
/// pages were checked to form proper trees, so that no statement on the tables can go on for ever. The version is one
/// that this program knows. Errors: no such file, not a recording, newer schema, truncated or damaged, each with a
/// hint. Cost: reads the file.
struct Opened {
  DatabasePtr db;
  int version = 0;
};
Result<Opened> open_checked(const std::filesystem::path& path);

}  // namespace fanlight::store
