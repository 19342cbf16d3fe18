// What the server says while it runs. In: events with fields. Out: a line each, for people or as JSON.
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "core/error.hpp"
#include "core/fd.hpp"

namespace fanlight::server::cli {

struct LogOptions {
  std::string file;   // appended to; empty: standard error
  bool json = false;  // {"time":...,"event":...,...} instead of words
};

/// Writes whole lines, one `write` each. What cannot be written (a full disk, a closed pipe) is counted and lost: the
/// server goes on. Threads: any.
class Log {
 public:
  using Fields = std::initializer_list<std::pair<std::string_view, std::string>>;

  /// Errors: the file cannot be opened.
  static Result<Log> open(const LogOptions& options);
  Log(Log&& other) noexcept
      : file_(std::move(other.file_)), fd_(other.fd_), json_(other.json_), lost_(other.lost_.load()) {}

  /// `words` is the line for people; `event` and `fields` are the JSON's.
  void say(std::string_view event, std::string_view words, Fields fields = {});
  std::uint64_t lost() const { return lost_.load(); }

 private:
  Log(Fd file, bool json) : file_(std::move(file)), fd_(file_ ? file_.get() : 2), json_(json) {}
  Fd file_;
  int fd_;
  bool json_;
  std::atomic<std::uint64_t> lost_ = 0;
};

}  // namespace fanlight::server::cli
