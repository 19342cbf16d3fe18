// Processes by what they have in common. In: a name, or a cgroup. Out: pids.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/error.hpp"

namespace fanlight::process {

/// Those whose comm (of the first thread) is `name`, ourselves left out; in order. None: empty. Cost: a read for every
/// process of the machine.
std::vector<pid_t> processes_named(const std::string& name, const std::filesystem::path& root = "/");

/// The directory that `name` stands for: itself, or the first of that name below /sys/fs/cgroup or a hierarchy there
/// ("/system.slice/x" as /proc/PID/cgroup has it). Errors: there is none with a cgroup.procs.
Result<std::filesystem::path> cgroup_directory(const std::string& name, const std::filesystem::path& root = "/");

/// Those in the cgroup and in all below it, in order. Errors: it is gone, or not to be read.
Result<std::vector<pid_t>> processes_in(const std::filesystem::path& cgroup);

}  // namespace fanlight::process
