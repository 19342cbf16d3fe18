// Debug files from a server. In: a build-id. Out: a descriptor of the file, fetched or from debuginfod's own cache.
#pragma once

#include <atomic>
#include <string>

#include "core/error.hpp"
#include "core/fd.hpp"

namespace fanlight::symbols {

/// Asks the servers that $DEBUGINFOD_URLS names; nobody while it is unset or empty. Gives up soon after `stop` is set.
/// Errors: nobody to ask, no libdebuginfod on this machine, no server has it, stopped. Cost: a download the first time,
/// bounded by $DEBUGINFOD_TIMEOUT; later a file of debuginfod's cache ($DEBUGINFOD_CACHE_PATH), which remembers for ten
/// minutes as well that a server has none. Threads: one at a time. Source: debuginfod_find_debuginfo(3).
Result<Fd> fetch_debug_file(const std::string& build_id, const std::atomic<bool>& stop);

}  // namespace fanlight::symbols
