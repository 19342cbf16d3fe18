// SQLite with owners and `Result`. In: SQL and values. Out: rows, or the error in words. For this room only.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.hpp"

namespace fanlight::store {

template <auto Destroy>
struct Deleter {
  void operator()(auto* handle) const noexcept { Destroy(handle); }
};
using DatabasePtr = std::unique_ptr<sqlite3, Deleter<sqlite3_close_v2>>;
using StatementPtr = std::unique_ptr<sqlite3_stmt, Deleter<sqlite3_finalize>>;

/// What the last call on `db` said, with a hint where one helps (disk full, locked, damaged).
std::unexpected<Error> failure(sqlite3* db, std::string_view step);

/// Runs statements that return nothing of interest.
Result<> execute(sqlite3* db, const char* sql);

/// One prepared statement, used again and again. Threads: one at a time.
class Statement {
 public:
  static Result<Statement> prepare(sqlite3* db, const char* sql);

  /// Binds in order and runs to the end: for statements that return no rows.
  template <class... Values>
  Result<> run(const Values&... values) {
    int index = 0;
    (bind(++index, values), ...);
    return finish();
  }

  /// True: a row is there. False: the end. Errors: damaged file, disk.
  Result<bool> next();

  std::int64_t integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }
  double real(int column) const { return sqlite3_column_double(handle_.get(), column); }
  bool null(int column) const { return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL; }
  std::string text(int column) const;

 private:
  explicit Statement(StatementPtr handle) : handle_(std::move(handle)) {}

  void bind(int index, std::int64_t value) { sqlite3_bind_int64(handle_.get(), index, value); }
  void bind(int index, int value) { bind(index, std::int64_t{value}); }
  void bind(int index, unsigned value) { bind(index, std::int64_t{value}); }
  void bind(int index, bool value) { bind(index, std::int64_t{value}); }
  // SQLite has no unsigned numbers. A count beyond the signed range is nonsense from a hostile target; it must not make
  // the file unreadable.
  void bind(int index, std::uint64_t value) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
    bind(index, static_cast<std::int64_t>(value < kMost ? value : kMost));
  }
  void bind(int index, const std::optional<std::uint64_t>& value) {
    if (value) {
      bind(index, *value);
    } else {
      sqlite3_bind_null(handle_.get(), index);
    }
  }
  void bind(int index, double value) { sqlite3_bind_double(handle_.get(), index, value); }
  // The text outlives the call: it is bound and used within one run().
  void bind(int index, std::string_view value) {
    sqlite3_bind_text64(handle_.get(), index, value.data() == nullptr ? "" : value.data(), value.size(), SQLITE_STATIC,
                        SQLITE_UTF8);
  }
  void bind(int index, const std::string& value) { bind(index, std::string_view(value)); }
  Result<> finish();

  StatementPtr handle_;
};

}  // namespace fanlight::store
