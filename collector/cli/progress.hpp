// Words while something takes time. In: a window that grows. Out: a line on stderr, rewritten in place on a terminal.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "collector/process/launch.hpp"
#include "collector/profile/window.hpp"

namespace fanlight::cli {

class Progress {
 public:
  explicit Progress(std::optional<std::chrono::nanoseconds> total);
  /// Once a slice. On a terminal the line is rewritten; elsewhere one line every ten slices.
  void update(const profile::Window& window);
  /// What was recorded, what was lost, how far the two samplers agree, and the next command to type.
  void finish(const profile::Window& window, const std::filesystem::path& file);

 private:
  std::optional<std::chrono::nanoseconds> total_;
  bool terminal_ = false;
  /// Counts the slices that are new.
  void add_new(const profile::Window& window);

  std::uint64_t updates_ = 0;
  // Sums of all slices so far: the window forgets its oldest at the cap, and adding up all of it each second would cost
  // more the longer it takes.
  std::uint64_t slices_ = 0;
  std::uint64_t ns_ = 0;
  std::uint64_t samples_ = 0;  // what the report counts as such
  std::uint64_t lost_ = 0;
  std::uint64_t switches_ = 0;
};

/// "fanlight-server (pid 4242)".
std::string who(const profile::Target& target);

/// Of a command that we started: on stderr, how it ended or that it goes on. Nothing where there was none.
void say_how_it_ended(std::optional<process::Launched>& launched);

/// One line on stderr for every probe that is not in use, with the reason. Silent when nothing is missing.
void say_what_is_missing(const profile::Target& target);

/// Gives up what only attaching needed; new files go into `output` (empty: none). A kernel that refuses is told of on
/// stderr, and the work goes on. Before any other thread is started.
void keep_only_looking(pid_t target, const std::filesystem::path& output = {});

}  // namespace fanlight::cli
