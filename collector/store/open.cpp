#include "collector/store/open.hpp"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "collector/store/header.hpp"
#include "collector/store/recording.hpp"
#include "collector/store/schema.hpp"

namespace fanlight::store {
namespace {

constexpr const char* kDamagedHint = "the file is damaged or was cut short; record again, or restore it from a copy";

std::string uri(const std::filesystem::path& path, const char* parameters) {
  std::string text = "file://";
  for (const char c : std::filesystem::absolute(path).string()) {
    if (c == '%' || c == '?' || c == '#') {
      char escaped[4];
      std::snprintf(escaped, sizeof escaped, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
      text += escaped;
    } else {
      text += c;
    }
  }
  return text + "?" + parameters;
}

/// Settings under which a hostile schema or page can do nothing but be wrong.
/// Source: sqlite.org/security.html, "Untrusted SQLite Database Files".
void be_careful(sqlite3* db) {
  sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  // A reader leaves the log where it is: the recorder may still need it.
  sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 16 << 20);
  sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, 1 << 20);
  sqlite3_limit(db, SQLITE_LIMIT_WORKER_THREADS, 0);
  sqlite3_busy_timeout(db, 2000);
  sqlite3_exec(db, "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA ignore_check_constraints=ON", nullptr,
               nullptr, nullptr);
}

struct Way {
  const char* parameters;
  const char* before;  // what must be said before the first access
};

// A recording that was never finished has a log beside it, and reading a log takes an index that SQLite keeps in a
// third file. Where that file cannot be made, an exclusive reader keeps the index in its own memory; without locks,
// since a read-only file takes none. The last way sees no log and serves file systems that have neither.
constexpr Way kWays[] = {
    {"mode=ro", ""}, {"mode=ro&vfs=unix-none", "PRAGMA locking_mode=EXCLUSIVE"}, {"mode=ro&immutable=1", ""}};

bool another_way_may_help(int code) {
  switch (code & 0xff) {
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_IOERR:
    case SQLITE_PERM: return true;
    default: return false;
  }
}

Result<DatabasePtr> open_readable(const std::filesystem::path& path) {
  Error first;
  for (const Way& way : kWays) {
    sqlite3* raw = nullptr;
    int code =
        sqlite3_open_v2(uri(path, way.parameters).c_str(), &raw, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, nullptr);
    DatabasePtr db(raw);
    if (code == SQLITE_OK) {
      be_careful(raw);
      sqlite3_exec(raw, way.before, nullptr, nullptr, nullptr);
      code = sqlite3_exec(raw, "SELECT count(*) FROM sqlite_schema", nullptr, nullptr, nullptr);
    }
    if (code == SQLITE_OK) return db;
    if (first.what.empty()) first = failure(raw, path.string()).error();
    if (!another_way_may_help(code)) break;
  }
  if (first.hint.empty()) first.hint = kDamagedHint;
  return std::unexpected(std::move(first));
}

/// Each table that will be read is a plain one: no view, no virtual table, whose reading could run anything.
Result<> check_tables(sqlite3* db, int version, const std::string& name) {
  sqlite3_stmt* raw = nullptr;
  const char* const kSql =
      "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ? AND "
      "sql LIKE 'CREATE TABLE %' AND rootpage > 0";
  if (sqlite3_prepare_v2(db, kSql, -1, &raw, nullptr) != SQLITE_OK) return failure(db, name);
  const StatementPtr statement(raw);
  for (const char* table : tables_of(version)) {
    sqlite3_bind_text(raw, 1, table, -1, SQLITE_STATIC);
    if (sqlite3_step(raw) != SQLITE_ROW) return failure(db, name);
    if (sqlite3_column_int(raw, 0) != 1) {
      return fail(0, name + ": the table '" + table + "' is missing", kDamagedHint);
    }
    sqlite3_reset(raw);
  }
  return {};
}

Result<> check_pages(sqlite3* db, const std::string& name) {
  auto check = Statement::prepare(db, "PRAGMA quick_check(1)");
  if (!check) return within(name, check.error());
  const auto row = check->next();
  if (!row) return within(name, row.error());
  const std::string found = *row ? check->text(0) : std::string();
  if (found == "ok") return {};
  // The first line only names the database, of which there is one.
  std::string_view first = found;
  while (first.starts_with("*** in database ")) first.remove_prefix(std::min(first.find('\n'), first.size() - 1) + 1);
  first = first.substr(0, first.find('\n'));
  return fail(0, name + " is damaged: " + (first.empty() ? "its pages form no tree" : std::string(first)),
              kDamagedHint);
}

/// True where a recorder's log or journal holds what the file does not.
bool has_log(const std::filesystem::path& path) {
  for (const char* suffix : {"-wal", "-journal"}) {
    std::error_code none;
    if (std::filesystem::file_size(path.string() + suffix, none) > 0 && !none) return true;
  }
  return false;
}

}  // namespace

Result<Opened> open_checked(const std::filesystem::path& path) {
  // Before the file: a log that ends while we look was folded into it.
  const bool logged = has_log(path);
  const auto header = read_header(path);
  if (!header) return std::unexpected(header.error());
  const std::string name = path.string();
  if (!header->sqlite || header->application_id != kApplicationId) {
    return fail(0, name + " is not a recording", "give a file that `fanlight record -o FILE` wrote");
  }
  if (header->user_version > static_cast<std::uint32_t>(kSchemaVersion)) {
    return fail(0,
                name + " was written by a newer fanlight (schema " + std::to_string(header->user_version) +
                    ", this program knows " + std::to_string(kSchemaVersion) + ")",
                "open it with that release, or update this one");
  }
  if (header->user_version == 0) return fail(0, name + " has no schema version", kDamagedHint);
  // The last page may end in free space, whose loss no check of its content sees.
  if (!logged && header->bytes < header->says_bytes) {
    return fail(0,
                name + " was cut short: " + std::to_string(header->bytes) + " of its " +
                    std::to_string(header->says_bytes) + " bytes are there",
                kDamagedHint);
  }

  auto db = open_readable(path);
  if (!db) return std::unexpected(db.error());
  const auto version = static_cast<int>(header->user_version);
  std::error_code unknown_size;
  const auto bytes = std::filesystem::file_size(path, unknown_size);
  // A row takes some twenty steps and twenty bytes; fifty times that is what only an endless loop reaches.
  std::int64_t steps_left = 100'000'000 + static_cast<std::int64_t>(unknown_size ? 0 : bytes) * 50;
  sqlite3_progress_handler(
      db->get(), 10'000, [](void* left) noexcept { return (*static_cast<std::int64_t*>(left) -= 10'000) < 0 ? 1 : 0; },
      &steps_left);
  if (auto checked = check_tables(db->get(), version, name); !checked) return std::unexpected(checked.error());
  if (auto checked = check_pages(db->get(), name); !checked) return std::unexpected(checked.error());
  sqlite3_progress_handler(db->get(), 0, nullptr, nullptr);
  return Opened{std::move(*db), version};
}

}  // namespace fanlight::store
