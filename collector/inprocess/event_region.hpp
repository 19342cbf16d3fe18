// The shared memory of events, as its writers see it. In: nothing. Out: a ring for the calling thread, ids of names.
#pragma once

#include <cstdint>

#include "collector/inprocess/events_layout.h"

namespace fanlight::inprocess {

/// Made at the first call; null while another thread makes it, where the kernel gives no memory, and in a forked child
/// until it is made anew. Threads: any, async-signal-safe.
fanlight_events_header* event_region();
/// Tells one region from the next: a forked child makes its own.
std::uint32_t event_region_number();

/// A free ring, or one whose owner is gone, for the calling thread; null when there is none, which is counted.
/// Threads: any, async-signal-safe.
fanlight_events_ring* claim_event_ring(fanlight_events_header* header);

/// The id of `name`, with `fields` in brackets unless that is null; 0 when there is no room, which is counted.
std::uint16_t event_name(fanlight_events_header* header, const char* name, const char* fields);

/// Now, by the clock that events have. Cost: 10 ns with an invariant time stamp counter, 25 otherwise.
std::uint64_t event_time(const fanlight_events_header& header);

}  // namespace fanlight::inprocess
