// Options that several subcommands share. In: text of the command line. Out: checked values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "collector/profile/view.hpp"
#include "collector/session/session.hpp"

namespace fanlight::cli {

/// --pid, --hz, --ring, --events, --no-kernel, --no-inprocess: what `attach` and `record` watch, and how.
struct WatchOptions {
  session::Options session;
  bool no_kernel = false;
  bool no_inprocess = false;

  void add_to(CLI::App& command);
  /// Throws CLI::ValidationError when nothing is left to watch with. For the subcommand's callback.
  void check() const;
  session::Options resolved() const;
};

/// Adds `name` as a duration ("10s"); a value that is none is a misuse.
void add_duration(CLI::App& command, const std::string& name, std::optional<std::chrono::nanoseconds>& into,
                  const std::string& help);

/// Adds `name` as a size ("64K").
void add_bytes(CLI::App& command, const std::string& name, std::uint32_t& into, const std::string& help);

/// Adds --view with its names.
void add_view(CLI::App& command, std::optional<profile::View>& into);

}  // namespace fanlight::cli
