#include "collector/store/sqlite.hpp"

#include <cerrno>
#include <utility>

namespace fanlight::store {

std::unexpected<Error> failure(sqlite3* db, std::string_view step) {
  const int code = sqlite3_errcode(db);
  std::string what = std::string(step) + ": " + sqlite3_errmsg(db);
  const int system = sqlite3_system_errno(db);
  std::string hint;
  int error = 0;
  switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
      error = code == SQLITE_FULL ? ENOSPC : system != 0 ? system : EIO;
      if (code != SQLITE_FULL && system != 0) what += " (" + std::generic_category().message(system) + ")";
      hint = "free some space or choose another directory";
      break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: hint = "another program has the file open; close it and try again"; break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: hint = "the file is damaged; record again, or restore it from a copy"; break;
    default: break;
  }
  return std::unexpected(Error{error, std::move(what), std::move(hint)});
}

Result<> execute(sqlite3* db, const char* sql) {
  if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return failure(db, "recording");
  return {};
}

Result<Statement> Statement::prepare(sqlite3* db, const char* sql) {
  sqlite3_stmt* handle = nullptr;
  if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, nullptr) != SQLITE_OK) {
    return failure(db, "recording");
  }
  return Statement(StatementPtr(handle));
}

Result<bool> Statement::next() {
  switch (sqlite3_step(handle_.get())) {
    case SQLITE_ROW: return true;
    case SQLITE_DONE: sqlite3_reset(handle_.get()); return false;
    default: return failure(sqlite3_db_handle(handle_.get()), "recording");
  }
}

Result<> Statement::finish() {
  const int code = sqlite3_step(handle_.get());
  Result<> result;
  if (code != SQLITE_DONE && code != SQLITE_ROW) result = failure(sqlite3_db_handle(handle_.get()), "recording");
  sqlite3_reset(handle_.get());
  sqlite3_clear_bindings(handle_.get());
  return result;
}

std::string Statement::text(int column) const {
  const auto* bytes = sqlite3_column_text(handle_.get(), column);
  if (bytes == nullptr) return {};
  return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

}  // namespace fanlight::store
