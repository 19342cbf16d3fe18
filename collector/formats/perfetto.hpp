// A trace for ui.perfetto.dev. In: one profile a second. Out: a protobuf trace.
#pragma once

#include <span>
#include <string>

#include "collector/profile/profile.hpp"

namespace fanlight::formats {

/// A track for each thread: a slice a second, named by the states it was in, heaviest first, with the exact nanoseconds
/// of each as annotations; what order they came in within the second is not known and not claimed. Counters for each
/// thread (time per state, wakeups, time in the run queue) and for the process (socket bytes, the target's own
/// metrics). On-CPU samples with their stacks: as many as were taken, at the time when the first of their kind was.
/// Events as instants. Times are CLOCK_MONOTONIC, tied to the time of day. Cost: O(samples). Source:
/// github.com/google/perfetto/tree/main/protos/perfetto/trace.
std::string perfetto(std::span<const profile::Profile> seconds);

}  // namespace fanlight::formats
