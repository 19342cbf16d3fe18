// What this process may do, as the kernel sees it. In: /proc/self/status. Out: which capabilities are held.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/kernel/doctor.hpp"

namespace fanlight::kernel {

/// The effective set, one bit per capability, from the text of a status file. Empty: no such line in it.
std::optional<std::uint64_t> effective_capabilities(std::string_view status);

/// Those that matter to us, held or not. A status file that cannot be read gives none held.
std::vector<Capability> capabilities(const std::filesystem::path& root = "/");

/// Those that loading and attaching cannot do without, by name. Empty: all are held.
std::vector<std::string> missing_capabilities(const std::vector<Capability>& held);

/// The commands that grant these and no others, by name ("CAP_BPF"). None: what else may refuse us.
std::string how_to_grant(const std::vector<std::string>& missing);

/// "CAP_BPF, CAP_PERFMON".
std::string listed(const std::vector<std::string>& names);

}  // namespace fanlight::kernel
