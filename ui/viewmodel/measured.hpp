// What was measured at all. In: the target's probes. Out: why a number is missing, so that nobody takes it for zero.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "collector/profile/profile.hpp"

namespace fanlight::ui {

inline constexpr std::string_view kScheduler = "scheduler";
inline constexpr std::string_view kOnCpuSampler = "on-cpu sampler";
inline constexpr std::string_view kSocketWrites = "socket writes";
inline constexpr std::string_view kMapOperations = "map operations";
inline constexpr std::string_view kRegistryOperations = "registry operations";
inline constexpr std::string_view kTcpConnections = "tcp connections";
inline constexpr std::string_view kMapOccupancy = "map occupancy";

/// "not measured: " and the reason, when `probe`, or all of the kernel's, was off; none when it was on or when nothing
/// is known of it.
std::optional<std::string> unmeasured(const profile::Target& target, std::string_view probe);

/// What to say where a table has no rows: that nothing happened, or that nobody looked.
std::string no_threads(const profile::Target& target);
std::string no_sockets(const profile::Target& target);
std::string no_operations(const profile::Target& target);

}  // namespace fanlight::ui
