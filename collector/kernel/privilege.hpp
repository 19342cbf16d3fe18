// What the process may still do once its probes are attached. In: where it will write. Out: the rest is given up.
#pragma once

#include <cstdint>
#include <filesystem>

#include "core/error.hpp"

namespace fanlight::kernel {

/// Of the capabilities `held` (one bit each), those that only look: into /proc of other users' processes, at files that
/// their owner hides, at kernel addresses. Source: capabilities(7).
std::uint64_t reading_only(std::uint64_t held);

/// Gives up, for good, every capability but `reading_only`'s: programs that are loaded stay attached, and the kernel
/// serves their maps and iterators to whoever holds the descriptors. Should new files in `output` (a directory; empty:
/// none are written) then be refused, CAP_DAC_OVERRIDE stays too: under sudo the directory is often the caller's.
/// Errors: the kernel refused the change. Threads: before any other is started; it holds for this one and those that it
/// starts.
Result<> drop_privileges(const std::filesystem::path& output = {});

}  // namespace fanlight::kernel
