// Page faults, the allocator and signals in the report. In: a profile. Out: a section for people.
#pragma once

#include <string>

#include "collector/profile/profile.hpp"

namespace fanlight::formats {

/// How many page faults, what share of the CPU time they and the allocator take, how long threads waited for pages, and
/// who faults most; then signals. Empty: nothing is known of either.
std::string memory_section(const profile::Profile& profile);

}  // namespace fanlight::formats
