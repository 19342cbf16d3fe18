// The OTEL_CTX mapping of this process, as OTEP-4719 has it. In: names of label keys. Out: a mapping that profilers
// find in /proc/PID/maps. Source: github.com/open-telemetry/opentelemetry-specification,
// oteps/profiles/4719-process-ctx.md
#pragma once

#include <cstddef>

namespace fanlight::inprocess {

/// Publishes, or replaces what was published. Names past the room there is are left out. Returns false where the kernel
/// gives no memory; then there is no context. Threads: one at a time, async-signal-safe.
bool publish_process_context(const char* const* keys, std::size_t count);

/// In a child made by fork, where the mapping is missing. Threads: the only one.
void forget_process_context();

}  // namespace fanlight::inprocess
