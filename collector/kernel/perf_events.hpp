// Perf events: software events on every CPU that run our programs, and whether uprobes are allowed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collector/kernel/handles.hpp"
#include "core/error.hpp"
#include "core/fd.hpp"

namespace fanlight::kernel {

enum class CpuEvent : std::uint8_t {
  clock,       // period: ns in which the CPU is not idle
  page_faults  // period: faults
};

/// Runs a program at every period of an event on each CPU that is online. A CPU that goes offline falls silent; one
/// that comes online later is not sampled. Destroyed: detached.
class CpuEvents {
 public:
  CpuEvents() = default;
  /// Errors: not permitted; no CPU took it.
  static Result<CpuEvents> attach(bpf_program* program, CpuEvent event, std::uint64_t period);
  /// Goes on, or pauses. A paused event costs nothing.
  void run(bool on);
  void set_period(std::uint64_t period);

 private:
  std::vector<Fd> events_;  // the links own others of the same files
  std::vector<LinkPtr> links_;
};

/// Empty: this process may attach uprobes. Otherwise why not and what would grant it. Kernels differ in what they ask
/// for, so one is tried, at no file: nothing gets attached. Cost: a system call and a file of sysfs.
std::string uprobe_refusal();

}  // namespace fanlight::kernel
