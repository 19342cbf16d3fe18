// What was worked out of a file before, kept between runs. In: a kind of result and a build-id. Out: its bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace fanlight::symbols {

/// One file for each kind and build-id, with a checksum, written whole and renamed into place: a file that is damaged
/// or cut off is as good as none. Threads: any. Cost: reads the file.
class DiskCache {
 public:
  DiskCache() = default;  // keeps nothing
  explicit DiskCache(std::filesystem::path directory) : directory_(std::move(directory)) {}
  /// Below $XDG_CACHE_HOME/fanlight or ~/.cache/fanlight; keeps nothing where neither variable names an absolute path.
  /// Source: XDG Base Directory Specification 0.8.
  static DiskCache of_user();

  /// `kind`: a directory's name, with the version of its format. `build_id`: lower-case hexadecimal.
  std::optional<std::string> load(std::string_view kind, const std::string& build_id) const;
  /// A disk that is full, or a directory that cannot be written, keeps nothing.
  void store(std::string_view kind, const std::string& build_id, std::string_view bytes) const;

 private:
  std::filesystem::path directory_;
};

}  // namespace fanlight::symbols
