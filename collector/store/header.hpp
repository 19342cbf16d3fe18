// The first 100 bytes of a file. In: a path. Out: whose file it is, before SQLite touches it. For this room only.
#pragma once

#include <cstdint>
#include <filesystem>

#include "core/error.hpp"

namespace fanlight::store {

struct Header {
  bool sqlite = false;
  std::uint32_t application_id = 0;
  std::uint32_t user_version = 0;
  std::uint64_t says_bytes = 0;  // how large the file says that it is
  std::uint64_t bytes = 0;       // how large it is
};

/// Never waits: a FIFO or a device is refused. Errors: no such file, not regular, unreadable.
/// Source: sqlite.org/fileformat.html, "The Database Header".
Result<Header> read_header(const std::filesystem::path& path);

}  // namespace fanlight::store
