// The shared memory of this process, as its writers see it. In: options. Out: metric and ring slots, or nothing.
#pragma once

#include "collector/inprocess/inprocess.hpp"

namespace fanlight::inprocess {

/// The header while this process publishes; null before `start`, after a failed one, and in a forked child.
/// Threads: any, async-signal-safe.
fanlight_inprocess_header* published();

/// Where the memory is a file (FANLIGHT_OUT): writes down what is mapped now, and the names of label keys.
void note_mappings();

/// The slot of that name and kind, claimed when there is none yet; never null: what has no slot shares a sink that
/// nobody reads, and is counted. Threads: any.
fanlight_inprocess_metric* metric_slot(const char* name, fanlight_inprocess_kind kind);

/// A free ring, marked as the calling thread's; null when there is none or nothing is published. Threads: any.
fanlight_inprocess_ring* claim_ring(fanlight_inprocess_header* header, const char* name);

/// Gives a ring back; its records stay readable. Threads: the owner.
void release_ring(fanlight_inprocess_ring* ring);

}  // namespace fanlight::inprocess
