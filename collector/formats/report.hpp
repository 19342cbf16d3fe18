// The report: what a specialist would say first. In: `Profile`. Out: text for people, JSON for programs.
#pragma once

#include <string>

#include "collector/profile/profile.hpp"

namespace fanlight::formats {

/// Target and window; what stands out, in sentences; throughput and latency; share of time per state and reason;
/// per-thread table; five heaviest stacks (wall without idle); socket writes; TCP and its slow clients; locks; map
/// operations (kernel and registry); agreement of the two samplers; ledger; own cost; what is missing and why (forms
/// "none", stacks that are short without frame pointers); events.
std::string report_text(const profile::Profile& profile);

/// The same numbers, unrounded:
/// {"schema":1,"target":{},"window":{},"totals":{},"causes":[],"locks":[],"threads":[],"top_stacks":[],"sockets":{},
/// "maps":[],"registries":[],"metrics":[],"cross_check":{},"ledger":[],"cost":{},"forms":[],"events":[]}. Times in ns;
/// null where they are not known.
std::string report_json(const profile::Profile& profile);

}  // namespace fanlight::formats
