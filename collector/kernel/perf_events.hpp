// Perf events: the timers of the on-CPU sampler, one software event per CPU, and whether uprobes are allowed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collector/kernel/handles.hpp"
#include "core/error.hpp"

namespace fanlight::kernel {

/// Runs `program` every `period_ns` on each CPU that is online and not idle. A CPU that goes offline falls silent; one
/// that comes online later is not sampled. Errors: not permitted; no CPU took it.
Result<std::vector<LinkPtr>> attach_to_cpus(bpf_program* program, std::uint64_t period_ns);

/// Empty: this process may attach uprobes. Otherwise why not and what would grant it. Kernels differ in what they ask
/// for, so one is tried, at no file: nothing gets attached. Cost: a system call and a file of sysfs.
std::string uprobe_refusal();

}  // namespace fanlight::kernel
