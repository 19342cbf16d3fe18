// Where data goes. In: bytes and a path. Out: the whole file or nothing.
#pragma once

#include <filesystem>
#include <string_view>

#include "core/error.hpp"
#include "core/fd.hpp"

namespace fanlight::cli {

/// Stdout when `path` is empty or "-"; a pipe or a device, written in place; otherwise a new file that takes the place
/// of `path` when it is complete, and is gone when it never was.
class Output {
 public:
  /// Errors: cannot create.
  static Result<Output> create(const std::filesystem::path& path);
  Output(Output&& other) noexcept;
  Output& operator=(Output&&) = delete;
  ~Output();

  /// Errors: disk full, the reader of stdout went away.
  Result<> write(std::string_view bytes);
  /// Nothing may follow. Errors: cannot create.
  Result<> complete();

 private:
  explicit Output(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
  std::filesystem::path part_;  // removed unless complete; empty: written in place
  Fd file_;                     // none for stdout
};

/// The same in one piece.
Result<> write_out(const std::filesystem::path& path, std::string_view bytes);

}  // namespace fanlight::cli
