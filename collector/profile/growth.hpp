// Running totals become growth. In: two readings of the same counters. Out: what was added between them.
#pragma once

#include <cstdint>
#include <vector>

#include "collector/kernel/reading.hpp"
#include "core/histogram.hpp"
#include "core/ledger.hpp"

namespace fanlight::profile {

/// What was added between two readings, in the readings' own types; every number is growth.
struct Growth {
  std::uint64_t from_ns = 0;  // time of the earlier reading
  std::uint64_t to_ns = 0;    // time of the later one
  /// One for every thread life in the later reading; from_ns is where the earlier reading of that life ended, or its
  /// own beginning. Sum of `ns` = to_ns - from_ns, as in the readings. A life that had ended before is left out.
  std::vector<kernel::ThreadReading> threads;
  std::vector<kernel::MapReading> maps;                // those that grew
  std::vector<kernel::RegistryReading> registries;     // those that grew
  std::vector<kernel::ConnectionReading> connections;  // all
  std::vector<kernel::MetricReading> metrics;
  std::vector<kernel::ProgramCost> programs;  // all
  Ledger ledger;                              // all entries
};

/// A counter that went backwards began anew, so all of it is growth. Same life of a thread: same tid and from_ns.
/// `before` empty (time_ns 0): everything in `now` is growth. Threads: any. Cost: O(n log n).
Growth growth(const kernel::Reading& before, const kernel::Reading& now);

/// `before` and `now` are readings of one life; see `same_life`. A reason that shrank while the life went on (an open
/// interval that was judged anew) counts 0, and the others give up as much, so that the sum stays exact.
kernel::ThreadReading growth(const kernel::ThreadReading& before, const kernel::ThreadReading& now);
bool same_life(const kernel::ThreadReading& before, const kernel::ThreadReading& now);

kernel::SocketCounts growth(const kernel::SocketCounts& before, const kernel::SocketCounts& now);
kernel::MapReading growth(const kernel::MapReading& before, const kernel::MapReading& now);
kernel::RegistryReading growth(const kernel::RegistryReading& before, const kernel::RegistryReading& now);
kernel::ConnectionReading growth(const kernel::ConnectionReading& before, const kernel::ConnectionReading& now);
/// What was added to each, by name; all gauges, and of the others those that grew.
std::vector<kernel::MetricReading> growth(const std::vector<kernel::MetricReading>& before,
                                          const std::vector<kernel::MetricReading>& now);
LedgerEntry growth(const LedgerEntry& before, const LedgerEntry& now);
/// Entries pair up by source.
Ledger growth(const Ledger& before, const Ledger& now);
/// The sum is estimated from the bucket middles, as `from_counts` does.
KernelHistogram growth(const KernelHistogram& before, const KernelHistogram& now);

}  // namespace fanlight::profile
