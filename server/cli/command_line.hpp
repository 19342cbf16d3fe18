// What the user typed. In: argv. Out: options, or the text and the exit code to leave with.
#pragma once

#include <string>
#include <variant>

#include "server/net/options.hpp"

namespace fanlight::server::cli {

struct Command {
  net::Options server;
  unsigned sample_hz = 99;  // 0: no sampler inside
};

/// Nothing to serve: what to print, where, and with which code to exit.
struct Leave {
  int exit_code = 0;
  std::string out;    // stdout: help, version
  std::string error;  // stderr, one line without the program's name
  std::string hint;
};

/// Threads: one. `max_descriptors`: RLIMIT_NOFILE, from which the default of --max-connections follows.
std::variant<Command, Leave> parse(int argc, const char* const* argv, std::size_t max_descriptors);

}  // namespace fanlight::server::cli
