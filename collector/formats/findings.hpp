// What the report says beside the numbers. In: `Profile`. Out: sentences, joined rows. Shared by text and JSON. For
// this room only.
#pragma once

#include <string>
#include <vector>

#include "collector/profile/profile.hpp"

namespace fanlight::formats {

/// Probes that are missing, or use a lesser form than the best: one sentence each; and what stacks cannot show.
struct Findings {
  std::vector<std::string> missing;
  std::vector<std::string> degraded;
  std::vector<std::string> notes;
};
Findings findings(const profile::Profile& profile);

/// One row for all shards of a registry and operation; `shard` counts them.
std::vector<kernel::RegistryReading> without_shards(const profile::Profile& profile);

/// Of all threads together.
kernel::SocketCounts socket_totals(const profile::Profile& profile);
KernelHistogram run_queue(const profile::Profile& profile);

/// Length of the range. 0 for an empty one.
std::uint64_t range_ns(const profile::Profile& profile);

}  // namespace fanlight::formats
