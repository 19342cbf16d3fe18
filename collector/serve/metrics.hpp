// The collector's numbers for Prometheus. In: `Profile`. Out: text in its exposition format.
#pragma once

#include <string>

#include "collector/profile/profile.hpp"

namespace fanlight::serve {

/// Seconds per thread, state and reason; socket writes; map operations; ledger by source and cause; own CPU and memory;
/// what the target publishes (prefix fanlight_target_). Counters grow since attach. Cost: O(threads + maps). Source:
/// prometheus.io/docs/instrumenting/exposition_formats, text format 0.0.4.
std::string metrics_text(const profile::Profile& since_attach);

}  // namespace fanlight::serve
