// Finding a target's shared memory. In: a pid. Out: a readable descriptor of it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <vector>

#include "core/error.hpp"
#include "core/fd.hpp"

namespace fanlight::inprocess {

/// Every memfd called FANLIGHT_INPROCESS_NAME that the process holds open or, where it closed the descriptor, mapped
/// (which needs CAP_CHECKPOINT_RESTORE). Errors: ENOENT when there is none, no such process,
/// EACCES or EPERM when the kernel did not let us look, which does not mean that there is none.
/// Cost: one readlink per descriptor of the target.
Result<std::vector<Fd>> locate(pid_t pid, const std::filesystem::path& root);

}  // namespace fanlight::inprocess
