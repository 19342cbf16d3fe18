#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "collector/profile/merge.hpp"
#include "collector/store/place.hpp"
#include "collector/store/recording.hpp"
#include "collector/store/rolling.hpp"
#include "collector/store/rows.hpp"
#include "collector/store/schema.hpp"
#include "collector/store/sqlite.hpp"

namespace fanlight::store {
namespace {

std::string pragma(const char* name, std::uint64_t value) {
  return std::string("PRAGMA ") + name + "=" + std::to_string(value);
}

}  // namespace

struct Recorder::State {
  Place place;
  RecorderOptions options;
  Rolling rolling;
  DatabasePtr db;  // after `place`, whose lock outlives it; null after the file changed its name and would not open
  std::optional<Rows> rows;
  std::int64_t next_slice = 0;
  Written written;
  bool written_is_right = true;

  /// Opens the file under the name that it has now.
  Result<> open();
  /// Opens it if need be; from here on `rows` and `written` are what they should be.
  Result<> prepare();
  /// The tables and the identity, in the file itself.
  Result<> begin(const profile::Target& target, std::int64_t realtime_offset_ns);
  /// From here on the file bears its name and has a log.
  Result<> take_place();

  /// An error of writing; with the word that the slices stay which are stored already.
  std::unexpected<Error> kept(Error error) const {
    if (error.code != 0 && next_slice > 0 && !error.hint.empty()) error.hint += "; what was recorded before is kept";
    return std::unexpected(std::move(error));
  }

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

Result<> Recorder::State::open() {
  if (db) return {};
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open_v2(place.file().c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, nullptr);
  DatabasePtr opening(raw);
  if (opened != SQLITE_OK) return failure(raw, "open " + place.file().string());
  sqlite3_busy_timeout(raw, 2000);
  if (!place.taken()) {
    // Nobody will miss what a kill leaves of this file, and a journal beside it would be one more thing to leave.
    if (auto done = execute(raw, "PRAGMA journal_mode=MEMORY"); !done) return done;
  } else {
    // Where a file system has no shared memory the rollback journal stays in use, which is as safe and somewhat slower.
    if (auto done = execute(raw, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"); !done) return done;
    if (options.max_bytes > 0) {
      // A log that may grow to a sixteenth of the whole leaves the rest to what is kept.
      const std::uint64_t pages = std::clamp<std::uint64_t>(options.max_bytes / 16 / 4096, 50, 1000);
      if (auto done = execute(raw, pragma("wal_autocheckpoint", pages).c_str()); !done) return done;
    }
  }
  db = std::move(opening);
  return {};
}

Result<> Recorder::State::prepare() {
  if (auto opened = open(); !opened) return opened;
  if (!rows) {
    auto prepared = Rows::prepare(db.get(), options.redact);
    if (!prepared) return std::unexpected(prepared.error());
    rows = std::move(*prepared);
  }
  if (!written_is_right) {
    auto reloaded = reload(db.get());
    if (!reloaded) return std::unexpected(reloaded.error());
    written = std::move(*reloaded);
    written_is_right = true;
  }
  return {};
}

Result<> Recorder::State::begin(const profile::Target& target, std::int64_t realtime_offset_ns) {
  if (auto done = open(); !done) return done;
  sqlite3* raw = db.get();
  if (auto done = execute(raw, pragma("application_id", kApplicationId).c_str()); !done) return done;
  if (auto done = execute(raw, pragma("user_version", kSchemaVersion).c_str()); !done) return done;
  return transaction([&]() -> Result<> {
    if (auto done = execute(raw, kSchema); !done) return done;
    if (auto done = execute(raw, "INSERT INTO stack VALUES(0, NULL, NULL, 0, NULL)"); !done) return done;
    if (auto done = write_words(raw); !done) return done;
    if (auto done = write_target(raw, target, options.redact); !done) return done;
    return write_meta(raw, realtime_offset_ns);
  });
}

Result<> Recorder::State::take_place() {
  if (place.taken()) return {};
  rows.reset();
  db.reset();
  auto taken = place.take();
  if (auto opened = open(); taken && !opened) taken = opened;
  return taken;
}

Recorder::Recorder(std::unique_ptr<State> state) : state_(std::move(state)) {}
Recorder::Recorder(Recorder&&) noexcept = default;
Recorder& Recorder::operator=(Recorder&&) noexcept = default;
Recorder::~Recorder() = default;

Result<Recorder> Recorder::create(const std::filesystem::path& path, const profile::Target& target,
                                  std::int64_t realtime_offset_ns, RecorderOptions options) {
  auto place = Place::reserve(path);
  if (!place) return std::unexpected(place.error());
  Rolling rolling(path, options);
  auto state =
      std::make_unique<State>(State{.place = std::move(*place), .options = std::move(options), .rolling = rolling});
  if (auto begun = state->begin(target, realtime_offset_ns); !begun) return within(path.string(), begun.error());
  return Recorder(std::move(state));
}

Result<> Recorder::append(const profile::Tables& tables, const profile::Slice& slice) {
  State& state = *state_;
  if (auto ready = state.prepare(); !ready) return ready;
  sqlite3* db = state.db.get();
  const std::int64_t first_histogram = state.written.histograms;
  auto stored = state.transaction([&]() -> Result<> {
    if (auto done = state.rolling.make_room(db, slice.to_ns, state.written); !done) return done;
    if (auto done = state.rows->write_tables(tables, state.written); !done) return done;
    return state.rows->write_slice(state.next_slice, tables, slice, state.written);
  });
  if (!stored) {
    state.written_is_right = false;
    state.rolling.undo();
    return state.kept(std::move(stored.error()));
  }
  state.rolling.settle();
  state.rolling.wrote(state.next_slice, slice.to_ns, first_histogram);
  ++state.next_slice;
  return state.take_place();
}

Result<> Recorder::rename(const profile::Tables& tables) {
  State& state = *state_;
  if (!state.written_is_right) return {};  // the last slice found no room; there is none for names
  if (auto ready = state.prepare(); !ready) return ready;
  const auto stored = state.transaction([&] { return state.rows->write_tables(tables, state.written); });
  if (!stored) state.written_is_right = false;
  return stored;
}

Result<> Recorder::finish(const profile::Target& target) {
  if (auto named = state_->take_place(); !named) return within("finish", named.error());
  if (auto opened = state_->open(); !opened) return within("finish", opened.error());
  sqlite3* db = state_->db.get();
  const auto marked = state_->transaction([&]() -> Result<> {
    if (auto done = write_target(db, target, state_->options.redact); !done) return done;
    return execute(db, "UPDATE meta SET value = 1 WHERE key = 'complete'");
  });
  if (!marked) return within("finish", state_->kept(marked.error()).error());
  const char* const kHint = "the recording is complete, but keep the file with its '-wal' beside it";
  if (auto folded = execute(db, "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode=DELETE"); !folded) {
    folded.error().hint = kHint;
    return within("fold the log into the file", folded.error());
  }
  return {};
}

}  // namespace fanlight::store
