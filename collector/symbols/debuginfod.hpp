// Debug files from a server. In: a build-id. Out: a descriptor of the file, fetched or from debuginfod's own cache.
#pragma once

#include <string>

#include "core/error.hpp"
#include "core/fd.hpp"

namespace fanlight::symbols {

/// Asks the servers that $DEBUGINFOD_URLS names; nobody while it is unset or empty, which is the way to switch it off.
/// Errors: switched off, no libdebuginfod on this machine, no server has it. Cost: a download the first time, bounded
/// by $DEBUGINFOD_TIMEOUT. Threads: one at a time. Source: debuginfod_find_debuginfo(3).
Result<Fd> fetch_debug_file(const std::string& build_id);

}  // namespace fanlight::symbols
