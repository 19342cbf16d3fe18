// What the process may still do once its probes are attached. In: whom it watches, where it writes. Out: the rest is
// given up.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>

#include "core/error.hpp"

namespace fanlight::kernel {

/// Of the capabilities `held` (one bit each), those that looking at the target takes: into /proc of other users'
/// processes, at files that their owner hides, at kernel addresses. Without CAP_SYS_PTRACE the kernel lets a process
/// look only at one that is permitted nothing more than itself, so then those of `target_permitted` stay as well.
/// Source: capabilities(7); ptrace(2), "Ptrace access mode checking".
std::uint64_t needed_to_look(std::uint64_t held, std::uint64_t target_permitted);

/// Gives up, for good, every capability but those: programs that are loaded stay attached, and the kernel serves their
/// maps and iterators to whoever holds the descriptors. Should new files in `output` (a directory; empty: none are
/// written) then be refused, CAP_DAC_OVERRIDE stays too: under sudo the directory is often the caller's.
/// Errors: the kernel refused the change. Threads: before any other is started; it holds for this one and those that it
/// starts.
Result<> drop_privileges(pid_t target, const std::filesystem::path& output = {});

}  // namespace fanlight::kernel
