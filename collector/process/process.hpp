// The target as /proc shows it. In: a pid and the root directory of the world. Out: plain values.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/error.hpp"

namespace fanlight::process {

struct Process {
  pid_t pid = 0;
  std::string name;               // comm
  std::string executable;         // path as the target sees it; empty when it cannot be read
  std::uint64_t start_ticks = 0;  // field 22 of /proc/PID/stat: tells a reused pid apart
};

/// Errors: no such process (ESRCH, with a hint), one that has exited and is a zombie, a thread, not
/// permitted. Source: proc(5).
Result<Process> describe(pid_t pid, const std::filesystem::path& root = "/");

struct ThreadName {
  pid_t tid = 0;
  std::string name;  // comm
};
/// The threads alive now. Errors: the process is gone (ESRCH).
Result<std::vector<ThreadName>> threads(pid_t pid, const std::filesystem::path& root = "/");

/// True while the process exists, has a thread that is not a zombie, and is the one that `process` described.
bool alive(const Process& process, const std::filesystem::path& root = "/");

/// Ids of the BPF maps that the process holds a descriptor of, from /proc/PID/fdinfo ("map_id:"). Unreadable: empty.
std::vector<std::uint32_t> bpf_maps(pid_t pid, const std::filesystem::path& root = "/");

/// CPU time used so far and resident memory. Errors: gone, unreadable.
struct Usage {
  std::uint64_t cpu_ns = 0;
  std::uint64_t resident_bytes = 0;
};
Result<Usage> usage(pid_t pid, const std::filesystem::path& root = "/");

/// Page faults of all its threads so far, those that have ended included. Errors: gone, unreadable.
struct PageFaults {
  std::uint64_t minor = 0;  // served from memory
  std::uint64_t major = 0;  // waited for a disk
};
Result<PageFaults> page_faults(pid_t pid, const std::filesystem::path& root = "/");

}  // namespace fanlight::process
