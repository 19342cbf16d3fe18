// Made-up windows: a program with a known split of time. In: seconds. Out: the same window that a session would grow.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "collector/profile/window.hpp"
#include "core/error.hpp"

namespace fanlight::ui::testing {

/// Two workers: `heavy` has 70 % and `light` 30 % of the CPU time of worker-1. The rest is a server's day: epoll idle,
/// futex waits, socket writes, two maps, a registry, metrics, a ledger with or without losses.
struct Fabrication {
  unsigned seconds = 10;
  unsigned threads = 4;       // worker-1 ... worker-N
  std::uint64_t dropped = 0;  // records per second
  bool metrics = true;        // what the target says of itself
  bool kernel = true;         // exact totals, sockets, ledger
  bool rich = false;          // and locks, slow clients, preemptions, wake-ups, labels, every change of state
  std::uint64_t start_ns = 5'000'000'000'000;
};

profile::Window fabricate(const Fabrication& wishes = {});
profile::Target fabricated_target();

/// The same window, written with the recorder. Errors: those of the recorder.
Result<> record(const profile::Window& window, const std::filesystem::path& path);

}  // namespace fanlight::ui::testing
