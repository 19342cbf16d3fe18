// The name that a recording takes. In: a path. Out: a file of its own beside it that, once it is worth something, takes
// the place of the older recording. For this room only.
#pragma once

#include <filesystem>

#include "core/error.hpp"
#include "core/fd.hpp"

namespace fanlight::store {

/// Of several recorders, in any processes, that want one path at a time, one gets it. Nobody's file is touched before
/// `take()`, and of the older recording either all is there or nothing, whenever the process is killed; what a killed
/// one reserved is the next one's. Threads: one at a time.
class Place {
 public:
  /// Makes an empty file, "run.fanlight-new". Errors: EBUSY (another recorder writes there, or a reader has the older
  /// recording open), not a recording, no such directory; each with a hint.
  static Result<Place> reserve(const std::filesystem::path& path);
  Place(Place&& other) noexcept;
  Place& operator=(Place&&) = delete;
  /// Removes the file unless it was taken.
  ~Place();

  /// Where the file is now.
  const std::filesystem::path& file() const { return taken_ ? path_ : reserved_; }
  bool taken() const { return taken_; }
  /// Gives the file its name. No database connection may have it open: SQLite's log is called after the name.
  Result<> take();

 private:
  Place(std::filesystem::path path, std::filesystem::path reserved, Fd file)
      : file_(std::move(file)), path_(std::move(path)), reserved_(std::move(reserved)) {}

  // Holds the lock for as long as the recorder lives. Closing it also drops SQLite's locks of this process, so the
  // connection must be gone before.
  Fd file_;
  std::filesystem::path path_;
  std::filesystem::path reserved_;
  bool taken_ = false;
};

}  // namespace fanlight::store
