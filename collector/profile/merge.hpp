// Growth adds up. In: rows of two stretches of time. Out: one row for both; the one place where rows are joined.
#pragma once

#include "collector/profile/profile.hpp"
#include "collector/profile/window.hpp"

namespace fanlight::profile {

/// Each adds `more` to `into`; what identifies a row stays that of `into`. Cost: O(buckets).
void add(kernel::SocketCounts& into, const kernel::SocketCounts& more);
void add(kernel::MapReading& into, const kernel::MapReading& more);
void add(kernel::RegistryReading& into, const kernel::RegistryReading& more);
void add(Metric& into, const Metric& more);  // a gauge takes the later value
void add(LabelTime& into, const LabelTime& more);
void add(Machine& into, const Machine& more);
void add(Preemption& into, const Preemption& more);
void add(Lock& into, const Lock& more);
void add(kernel::MapState& into, const kernel::MapState& more);
void add(kernel::ConnectionReading& into, const kernel::ConnectionReading& more);
void add(LedgerEntry& into, const LedgerEntry& more);
void add(kernel::ProgramCost& into, const kernel::ProgramCost& more);
void add(Thread& into, const ThreadSlice& more);
void add(ThreadSlice& into, const ThreadSlice& more);

}  // namespace fanlight::profile
