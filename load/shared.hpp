// What the threads of a run tell one another while it lasts.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

namespace fanlight::load {

inline constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

struct Shared {
  std::atomic<std::uint64_t> measure_from_ns{kNever};   // CLOCK_MONOTONIC; messages due earlier are warm-up
  std::atomic<bool> stop{false};                        // everything ends now
  std::atomic<bool> stop_publishing{false};             // no message falls due any more
  std::atomic<bool> abandon{false};                     // nobody is left to answer: publishing ends at once
  std::atomic<std::uint64_t> offline_since_ns{kNever};  // since when no publisher has a connection
  // For the progress line and for knowing when to go on; the threads' own tallies are the account.
  std::atomic<std::uint64_t> established{0};
  std::atomic<std::uint64_t> failed{0};
  std::atomic<std::uint64_t> disconnected{0};
  std::atomic<std::uint64_t> received{0};
  std::atomic<std::uint64_t> published{0};
};

}  // namespace fanlight::load
