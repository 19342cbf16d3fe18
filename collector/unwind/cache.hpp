// Tables that were made before, on disk. In: a build-id. Out: the table, checked, or nothing.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "collector/unwind/table.hpp"

namespace fanlight::unwind {

/// One file for each build-id, written whole and renamed into place. A file that is damaged, or was written by another
/// version of the format, is as good as none. Threads: any. Cost: reads the file; 5 ms for one of 8 MB.
class Cache {
 public:
  /// No directory: keeps nothing.
  explicit Cache(std::filesystem::path directory) : directory_(std::move(directory)) {}

  std::optional<Table> load(const std::string& build_id) const;
  /// A disk that is full, or a directory that cannot be written, keeps nothing.
  void store(const Table& table) const;

 private:
  std::filesystem::path file_of(const std::string& build_id) const;
  std::filesystem::path directory_;
};

/// $XDG_CACHE_HOME/fanlight, or ~/.cache/fanlight; empty where neither variable names an absolute path. Source: XDG
/// Base Directory Specification 0.8.
std::filesystem::path cache_directory();

/// For the cache and its tests: the bytes of a file. Reading checks every number against what it is used for.
std::string serialise(const Table& table);
std::optional<Table> parse(std::string_view bytes);

}  // namespace fanlight::unwind
