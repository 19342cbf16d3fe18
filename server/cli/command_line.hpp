// What the user typed, and what the file of settings says. In: argv. Out: options, or the text and code to leave with.
#pragma once

#include <string>
#include <variant>

#include "server/cli/log.hpp"
#include "server/net/options.hpp"

namespace fanlight::server::cli {

struct Command {
  net::Options server;
  unsigned sample_hz = 99;  // 0: no sampler inside
  std::string config;       // the file of settings; empty: none
  LogOptions log;
};

/// Nothing to serve: what to print, where, and with which code to exit.
struct Leave {
  int exit_code = 0;
  std::string out;    // stdout: help, version
  std::string error;  // stderr, one line without the program's name
  std::string hint;
};

/// Every flag can stand in the file as `name = value`; the command line wins. Called again on SIGHUP.
/// Threads: one. `max_descriptors`: RLIMIT_NOFILE, from which the default of --max-connections follows.
/// `designs`: what `--registry` and `--dispatch` choose from.
std::variant<Command, Leave> parse(int argc, const char* const* argv, std::size_t max_descriptors,
                                   const hub::Designs& designs = hub::hot_designs());

}  // namespace fanlight::server::cli
