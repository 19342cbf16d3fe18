// What went wrong, as a value that gathers context on its way up. In: errno values, words. Out: `Result<T>`.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace fanlight {

struct Error {
  int code = 0;      // errno value; 0 when the cause is not the operating system
  std::string what;  // outermost step first: "record: attach sched_switch: Operation not permitted"
  std::string hint;  // what the user can do next; empty: `main` prints a general one
};

template <class T = void>
using Result = std::expected<T, Error>;

/// An error made of words and, unless `code` is 0, the system's text for that errno value.
inline std::unexpected<Error> fail(int code, std::string what, std::string hint = {}) {
  if (code != 0) what += ": " + std::generic_category().message(code);
  return std::unexpected(Error{code, std::move(what), std::move(hint)});
}

/// The same error seen one step further out.
inline std::unexpected<Error> within(std::string_view step, Error cause) {
  cause.what.insert(0, std::string(step) + ": ");
  return std::unexpected(std::move(cause));
}

}  // namespace fanlight
