#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "collector/profile/merge.hpp"
#include "collector/store/header.hpp"
#include "collector/store/recording.hpp"
#include "collector/store/rolling.hpp"
#include "collector/store/rows.hpp"
#include "collector/store/schema.hpp"
#include "collector/store/sqlite.hpp"
#include "core/fd.hpp"

namespace fanlight::store {
namespace {

constexpr const char* kOverwriteHint = "choose another name; only recordings are replaced";

/// Errors: a recorder is still writing to it.
Result<> nobody_writes(const std::filesystem::path& path) {
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE, nullptr);
  const DatabasePtr db(raw);
  if (opened != SQLITE_OK) return {};
  // Fails with BUSY alone when another connection has the file open; a damaged recording may be replaced.
  const int locked =
      sqlite3_exec(raw, "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; ROLLBACK", nullptr, nullptr, nullptr);
  if (locked == SQLITE_BUSY) {
    return fail(EBUSY, path.string(), "another program reads or writes this recording; choose another name");
  }
  return {};
}

Result<> make_room(const std::filesystem::path& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return fail(errno, path.string());
  }
  if (!S_ISREG(status.st_mode)) return fail(0, path.string() + " is not a regular file", kOverwriteHint);
  if (status.st_size > 0) {
    const auto header = read_header(path);
    if (!header) return std::unexpected(header.error());
    if (header->application_id != kApplicationId) {
      return fail(EEXIST, path.string() + " is not a recording", kOverwriteHint);
    }
    if (auto free = nobody_writes(path); !free) return free;
  }
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    std::error_code error;
    std::filesystem::remove(path.string() + suffix, error);
    if (error) return fail(error.value(), "replace " + path.string() + suffix);
  }
  return {};
}

std::string pragma(const char* name, std::uint64_t value) {
  return std::string("PRAGMA ") + name + "=" + std::to_string(value);
}

}  // namespace

struct Recorder::State {
  DatabasePtr db;
  Rows rows;
  Rolling rolling;
  Redact redact;
  std::int64_t next_slice = 0;
  Written written;
  bool written_is_right = true;

  /// All or nothing. `work` returns `Result<>`.
  template <class Work>
  Result<> transaction(Work work) {
    if (auto begun = execute(db.get(), "BEGIN IMMEDIATE"); !begun) return begun;
    auto done = work();
    if (done) done = execute(db.get(), "COMMIT");
    // SQLite rolls back by itself on a full disk; a second ROLLBACK would only fail.
    if (!done && sqlite3_get_autocommit(db.get()) == 0) sqlite3_exec(db.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    return done;
  }
};

Recorder::Recorder(std::unique_ptr<State> state) : state_(std::move(state)) {}
Recorder::Recorder(Recorder&&) noexcept = default;
Recorder& Recorder::operator=(Recorder&&) noexcept = default;
Recorder::~Recorder() = default;

Result<Recorder> Recorder::create(const std::filesystem::path& path, const profile::Target& target,
                                  std::int64_t realtime_offset_ns, RecorderOptions options) {
  if (auto room = make_room(path); !room) return within("record", room.error());
  {
    // SQLite would follow a symbolic link or take a file that appeared meanwhile.
    const Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!file) {
      return within("record",
                    fail(errno, path.string(), "choose a directory that exists and that you may write to").error());
    }
  }
  const auto abandon = [&](Error error) {
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
      std::error_code ignored;
      std::filesystem::remove(path.string() + suffix, ignored);
    }
    return within(path.string(), std::move(error));
  };

  sqlite3* raw = nullptr;
  const int opened = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, nullptr);
  DatabasePtr db(raw);
  if (opened != SQLITE_OK) {
    auto error = failure(raw, "open").error();
    db.reset();
    return abandon(std::move(error));
  }
  const auto build = [&]() -> Result<> {
    sqlite3_busy_timeout(raw, 2000);
    if (auto done = execute(raw, pragma("application_id", kApplicationId).c_str()); !done) return done;
    if (auto done = execute(raw, pragma("user_version", kSchemaVersion).c_str()); !done) return done;
    if (auto done = execute(raw, "BEGIN"); !done) return done;
    if (auto done = execute(raw, kSchema); !done) return done;
    if (auto done = execute(raw, "INSERT INTO stack VALUES(0, NULL, NULL, 0)"); !done) return done;
    if (auto done = write_words(raw); !done) return done;
    if (auto done = write_target(raw, target, options.redact); !done) return done;
    if (auto done = write_meta(raw, realtime_offset_ns); !done) return done;
    if (auto done = execute(raw, "COMMIT"); !done) return done;
    // Only now: the schema and the identity are in the file itself, whatever becomes of the log. Where a file system
    // has no shared memory the rollback journal stays in use, which is as safe and somewhat slower.
    if (auto done = execute(raw, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"); !done) return done;
    if (options.max_bytes == 0) return {};
    // A log that may grow to a sixteenth of the whole leaves the rest to what is kept.
    const std::uint64_t pages = std::clamp<std::uint64_t>(options.max_bytes / 16 / 4096, 50, 1000);
    return execute(raw, pragma("wal_autocheckpoint", pages).c_str());
  };
  if (auto built = build(); !built) {
    db.reset();
    return abandon(built.error());
  }
  auto rows = Rows::prepare(raw, options.redact);
  if (!rows) {
    db.reset();
    return abandon(rows.error());
  }
  return Recorder(std::make_unique<State>(State{
      .db = std::move(db), .rows = std::move(*rows), .rolling = Rolling(path, options), .redact = options.redact}));
}

Result<> Recorder::append(const profile::Tables& tables, const profile::Slice& slice) {
  State& state = *state_;
  sqlite3* db = state.db.get();
  if (!state.written_is_right) {
    auto written = reload(db);
    if (!written) return within("record", written.error());
    state.written = std::move(*written);
    state.written_is_right = true;
  }
  const std::int64_t first_histogram = state.written.histograms;
  const auto stored = state.transaction([&]() -> Result<> {
    if (auto done = state.rolling.make_room(db, slice.to_ns, state.written); !done) return done;
    if (auto done = state.rows.write_tables(tables, state.written); !done) return done;
    return state.rows.write_slice(state.next_slice, tables, slice, state.written);
  });
  if (!stored) {
    state.written_is_right = false;
    state.rolling.undo();
    return within("record", stored.error());
  }
  state.rolling.settle();
  state.rolling.wrote(state.next_slice, slice.to_ns, first_histogram);
  ++state.next_slice;
  return {};
}

Result<> Recorder::rename(const profile::Tables& tables) {
  State& state = *state_;
  if (!state.written_is_right) return {};  // the last slice found no room; there is none for names
  const auto stored = state.transaction([&] { return state.rows.write_tables(tables, state.written); });
  if (!stored) state.written_is_right = false;
  return stored;
}

Result<> Recorder::finish(const profile::Target& target) {
  sqlite3* db = state_->db.get();
  const auto marked = state_->transaction([&]() -> Result<> {
    if (auto done = write_target(db, target, state_->redact); !done) return done;
    return execute(db, "UPDATE meta SET value = 1 WHERE key = 'complete'");
  });
  if (!marked) return within("finish", marked.error());
  const char* const kHint = "the recording is complete, but keep the file with its '-wal' beside it";
  if (auto folded = execute(db, "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode=DELETE"); !folded) {
    folded.error().hint = kHint;
    return within("fold the log into the file", folded.error());
  }
  return {};
}

}  // namespace fanlight::store
