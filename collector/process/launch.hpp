// A program that we start, held back until somebody looks at it. In: a command. Out: a pid, and the moment it is let
// go.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/fd.hpp"

namespace fanlight::process {

/// The file that `command` names, looked for along $PATH as execvp(3) does. Errors: there is none that may be run.
Result<std::string> find_program(const std::string& command);

/// A child that waits, as a copy of ourselves, to become the program. It is left running when this is destroyed, unless
/// it was never let go. Make it before any other thread is started. Threads: one.
class Launched {
 public:
  /// Errors: no such program, no process to be had.
  static Result<Launched> hold(std::vector<std::string> command);
  Launched(Launched&&) noexcept = default;
  Launched& operator=(Launched&&) noexcept = default;

  pid_t pid() const { return pid_; }
  const std::string& executable() const { return executable_; }
  /// Lets it become the program, and waits until it has. Errors: it may not be run.
  Result<> let_go();
  /// How it ended, in words, once: "ended with 3", "was ended by signal 15". Empty: it has not, or was asked before.
  std::optional<std::string> ended();

 private:
  Launched() = default;
  pid_t pid_ = 0;
  std::string executable_;
  Fd gate_;     // it waits for this to be closed after one byte
  Fd outcome_;  // closed by its exec, or the errno of why not
  bool reaped_ = false;
};

}  // namespace fanlight::process
