#include "collector/store/place.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <utility>

#include "collector/store/header.hpp"
#include "collector/store/schema.hpp"
#include "collector/store/sqlite.hpp"

namespace fanlight::store {
namespace {

constexpr const char* kOverwriteHint = "choose another name; only recordings are replaced";
constexpr const char* kBusyHint = "another program reads or writes this recording; choose another name";

// Far beyond the data and far from the bytes that SQLite locks (from 0x40000000 on): the two never meet, not even
// where a network file system makes a flock() of the whole file out of either.
constexpr off_t kLockedByte = off_t{1} << 60;

/// Errors: EAGAIN or EACCES when another recorder holds it. Where there are no such locks nothing is held, and all is
/// well.
bool lock(const Fd& file) {
  struct flock range{.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = kLockedByte, .l_len = 1, .l_pid = 0};
  return ::fcntl(file.get(), F_OFD_SETLK, &range) == 0 || (errno != EAGAIN && errno != EACCES);
}

bool is_still(const Fd& file, const std::filesystem::path& path) {
  struct stat held{};
  struct stat named{};
  return ::fstat(file.get(), &held) == 0 && ::lstat(path.c_str(), &named) == 0 && held.st_dev == named.st_dev &&
         held.st_ino == named.st_ino;
}

std::unexpected<Error> busy(const std::filesystem::path& path) { return fail(EBUSY, path.string(), kBusyHint); }

/// Errors: not a regular file, neither empty nor a recording. No file at all is fine.
Result<> is_replaceable(const std::filesystem::path& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return errno == ENOENT ? Result<>() : fail(errno, path.string());
  if (!S_ISREG(status.st_mode)) return fail(0, path.string() + " is not a regular file", kOverwriteHint);
  if (status.st_size == 0) return {};
  const auto header = read_header(path);
  if (!header) return std::unexpected(header.error());
  if (header->application_id != kApplicationId) return fail(0, path.string() + " is not a recording", kOverwriteHint);
  return {};
}

/// What a killed recorder reserved goes. Errors: a live one reserved it; it is no recorder's.
Result<> clear(const std::filesystem::path& reserved, const std::filesystem::path& path) {
  if (auto ours = is_replaceable(reserved); !ours) return ours;
  const Fd stale(::open(reserved.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!stale) return errno == ENOENT ? Result<>() : fail(errno, reserved.string(), kOverwriteHint);
  if (!lock(stale)) return busy(path);
  // Whoever held it may have given it its name meanwhile.
  if (is_still(stale, reserved) && ::unlink(reserved.c_str()) != 0) return fail(errno, "remove " + reserved.string());
  return {};
}

/// Errors: another recorder writes to it or a reader has it open. Folds the log of a recorder that was killed into the
/// file, so that from here on the file alone is all of it.
Result<> nobody_uses(const std::filesystem::path& path) {
  {
    const Fd older(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (older && !lock(older)) return busy(path);
  }
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE, nullptr);
  const DatabasePtr db(raw);
  if (opened != SQLITE_OK) return {};
  // Fails with BUSY alone when another connection has the file open; a damaged recording may be replaced.
  const int locked =
      sqlite3_exec(raw, "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; ROLLBACK", nullptr, nullptr, nullptr);
  if (locked == SQLITE_BUSY) return busy(path);
  sqlite3_exec(raw, "PRAGMA journal_mode=DELETE", nullptr, nullptr, nullptr);
  // The log's index, which a killed recorder leaves; an exclusive connection has its own and does not remove it.
  std::error_code none;
  if (!std::filesystem::exists(path.string() + "-wal", none)) std::filesystem::remove(path.string() + "-shm", none);
  return {};
}

}  // namespace

Place::Place(Place&& other) noexcept
    : file_(std::move(other.file_)),
      path_(std::move(other.path_)),
      reserved_(std::move(other.reserved_)),
      taken_(other.taken_) {}

Place::~Place() {
  if (file_ && !taken_ && is_still(file_, reserved_)) ::unlink(reserved_.c_str());
}

Result<Place> Place::reserve(const std::filesystem::path& path) {
  if (auto replaceable = is_replaceable(path); !replaceable) return std::unexpected(replaceable.error());
  std::filesystem::path reserved = path;
  reserved += "-new";
  // Each round another recorder came or went in between.
  for (int round = 0; round < 10; ++round) {
    // SQLite would follow a symbolic link or take a file that appeared meanwhile.
    Fd file(::open(reserved.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!file && errno != EEXIST) {
      return fail(errno, path.string(), "choose a directory that exists and that you may write to");
    }
    if (!file) {
      if (auto cleared = clear(reserved, path); !cleared) return std::unexpected(cleared.error());
      continue;
    }
    if (!lock(file) || !is_still(file, reserved)) return busy(path);
    Place place(path, std::move(reserved), std::move(file));
    // Only now: a recorder that was first has either still reserved the name or the lock on what bears it.
    if (auto replaceable = is_replaceable(path); !replaceable) return std::unexpected(replaceable.error());
    if (std::error_code none; std::filesystem::exists(path, none)) {
      if (auto unused = nobody_uses(path); !unused) return std::unexpected(unused.error());
    }
    return place;
  }
  return busy(path);
}

Result<> Place::take() {
  if (taken_) return {};
  if (!is_still(file_, reserved_)) return fail(0, reserved_.string() + " was removed", "record again");
  // SQLite would apply a log that bears the name to whatever file bears it.
  for (const char* suffix : {"-wal", "-shm", "-journal"}) {
    std::error_code error;
    std::filesystem::remove(path_.string() + suffix, error);
    if (error) return fail(error.value(), "replace " + path_.string() + suffix);
  }
  if (::rename(reserved_.c_str(), path_.c_str()) != 0) {
    return fail(errno, "replace " + path_.string(), "choose another directory, or remove the older recording");
  }
  taken_ = true;
  return {};
}

}  // namespace fanlight::store
