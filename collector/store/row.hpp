// Rows of a file that may be hostile. In: a statement. Out: numbers within their bounds, or the first problem. For this
// room only.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "collector/store/sqlite.hpp"
#include "core/state.hpp"

namespace fanlight::store {

inline constexpr const char* kDamagedHint = "the file is damaged; record again, or restore it from a copy";
// A recording is read as a whole, so the cap only guards the machine.
inline constexpr std::size_t kMaxBytes = std::size_t{4} << 30;

/// Reads column after column of one row; the first number out of its bounds is remembered and ends the reading.
class Row {
 public:
  Row(const Statement& statement, std::string& problem) : statement_(statement), problem_(problem) {}

  /// `least` where the number is not within [least, most].
  std::uint64_t between(std::uint64_t least, std::uint64_t most, const char* what) {
    const std::int64_t number = statement_.integer(column_++);
    const auto unsigned_number = static_cast<std::uint64_t>(number);
    if (number >= 0 && unsigned_number >= least && unsigned_number <= most) return unsigned_number;
    if (problem_.empty()) problem_ = std::string(what) + " " + std::to_string(number) + " is unknown";
    return least;
  }
  /// 0 .. bound-1; 0 where the number is not, also when nothing is below the bound.
  std::uint64_t below(std::uint64_t bound, const char* what) {
    if (bound > 0) return between(0, bound - 1, what);
    ++column_;
    if (problem_.empty()) problem_ = std::string("there is no ") + what;
    return 0;
  }
  std::uint64_t count() { return below(std::uint64_t{1} << 63, "count"); }
  std::uint32_t small() {
    return static_cast<std::uint32_t>(below(std::uint64_t{std::numeric_limits<std::uint32_t>::max()} + 1, "number"));
  }
  pid_t pid() { return static_cast<pid_t>(below(std::uint64_t{1} << 31, "pid")); }
  bool flag() { return below(2, "flag") == 1; }
  /// Empty where the column is NULL.
  std::optional<std::uint64_t> maybe_count() {
    if (statement_.null(column_)) {
      ++column_;
      return std::nullopt;
    }
    return count();
  }
  std::int64_t any() { return statement_.integer(column_++); }
  double real() { return statement_.real(column_++); }
  std::string text() { return statement_.text(column_++); }
  void complain(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
  }
  Reason reason() { return static_cast<Reason>(below(kReasons, "reason")); }

 private:
  const Statement& statement_;
  std::string& problem_;
  int column_ = 0;
};

/// Runs `sql` and hands each row to `on_row`, until one has a problem. `on_row` may set a problem of its own.
template <class OnRow>
Result<> each_row(sqlite3* db, const char* sql, OnRow on_row) {
  auto statement = Statement::prepare(db, sql);
  if (!statement) return std::unexpected(statement.error());
  std::string problem;
  while (true) {
    const auto row = statement->next();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
    Row columns(*statement, problem);
    on_row(columns);
    if (!problem.empty()) return fail(0, "recording: " + problem, kDamagedHint);
  }
}

}  // namespace fanlight::store
