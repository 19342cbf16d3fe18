// The timers of the on-CPU sampler: one software event per CPU.
#pragma once

#include <cstdint>
#include <vector>

#include "collector/kernel/handles.hpp"
#include "core/error.hpp"

namespace fanlight::kernel {

/// Runs `program` every `period_ns` on each CPU that is online and not idle. A CPU that goes offline falls silent; one
/// that comes online later is not sampled. Errors: not permitted; no CPU took it.
Result<std::vector<LinkPtr>> attach_to_cpus(bpf_program* program, std::uint64_t period_ns);

}  // namespace fanlight::kernel
