// Options that several subcommands share. In: text of the command line. Out: checked values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "collector/process/launch.hpp"
#include "collector/profile/view.hpp"
#include "collector/session/session.hpp"

namespace fanlight::cli {

/// What is about to be watched.
struct Watched {
  session::Options options;
  std::optional<process::Launched> launched;  // waits to be let go
};

/// --pid, --children, --comm, --cgroup, -- COMMAND, --hz, --ring, --budget, --program-stats, --events, --no-kernel,
/// --no-inprocess: what `attach` and `record` watch, and how.
struct WatchOptions {
  session::Options session;
  std::vector<pid_t> pids;
  std::string comm;
  std::string cgroup;
  std::vector<std::string> program;
  bool no_kernel = false;
  bool no_inprocess = false;
  bool no_debuginfod = false;

  void add_to(CLI::App& command);
  /// Throws CLI::ValidationError when it is not one way to say what to watch, or nothing is left to watch with. For the
  /// subcommand's callback.
  void check() const;
  /// Finds the processes, or starts the command as far as its gate. Before any other thread is started. Errors: no such
  /// program, no such cgroup.
  Result<Watched> find() const;
};

/// Refuses the empty name, which names no file.
CLI::Validator file_name();

/// Adds `name` as a duration ("10s"); a value that is none is a misuse.
void add_duration(CLI::App& command, const std::string& name, std::optional<std::chrono::nanoseconds>& into,
                  const std::string& help);

/// Adds `name` as a size ("64K").
void add_bytes(CLI::App& command, const std::string& name, std::uint32_t& into, const std::string& help);

/// Adds --view with its names.
void add_view(CLI::App& command, std::optional<profile::View>& into);

}  // namespace fanlight::cli
