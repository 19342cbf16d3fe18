// The command line. In: argv. Out: what to open and how.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "collector/profile/view.hpp"
#include "core/error.hpp"
#include "ui/model/endpoint.hpp"

namespace fanlight::ui {

struct Options {
  std::vector<std::string> targets;   // files, or HOST:PORT; empty: the collector on this machine
  std::optional<profile::View> view;  // empty: on-CPU, or what shows a foreign file as it is
  bool idle = false;
  std::string search;
  std::string zoom;                              // a function's name
  std::optional<std::chrono::nanoseconds> last;  // empty: 10 s live, all of a recording
  std::string screenshot;                        // file; empty: none
  std::string widgets;                           // file; empty: none
  std::chrono::nanoseconds after = std::chrono::seconds{3};
  std::optional<std::chrono::nanoseconds> then;  // a second picture, this much after the first; its name ends in -2
  std::string script;                            // file of steps; empty: none
  std::string page;                              // its name; empty: the first
  std::filesystem::path settings;                // empty: none are kept
  std::filesystem::path exports = ".";           // where exports and snapshots go
  std::string theme;                             // empty: that of the settings
  std::vector<std::string> triggers;
  std::optional<std::pair<int, int>> pointer;  // with a screenshot: where the mouse is; tests hover with it
  bool click = false;                          // and presses its left button once
  std::optional<std::chrono::nanoseconds> run_for;
  int width = 1600, height = 1000;
  float scale = 1;
};

/// Options, or the exit code where the command line already ended it (help, version, misuse; words were printed).
std::variant<Options, int> parse_options(int argc, char** argv);

/// An address of a collector, or nothing: then it is a file.
std::optional<Endpoint> endpoint_in(const std::string& target);

/// "1600x1000". Errors: anything else, or outside 320..8192.
Result<std::pair<int, int>> parse_size(std::string_view text);

}  // namespace fanlight::ui
