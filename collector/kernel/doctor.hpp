// What this machine lets us see, and what would grant the rest. In: the kernel, our capabilities. Out: findings.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "collector/kernel/reading.hpp"

namespace fanlight::kernel {

struct Capability {
  std::string name;  // "CAP_BPF"
  bool held = false;
  std::string needed_for;
};

struct Diagnosis {
  std::string kernel;  // release
  bool btf = false;
  std::vector<Capability> capabilities;
  std::vector<Form> forms;           // each probe: loaded for a moment, attached to nobody
  std::vector<std::string> missing;  // one sentence each: what, why, the command that would grant it
  bool can_record = false;           // at least scheduler totals or the on-CPU sampler
  std::string container;             // "docker", "podman", ... ; empty outside
};

/// Never fails: what cannot be found out is a finding. Cost: loads each program once, up to a second.
Diagnosis diagnose(const std::filesystem::path& root = "/");

}  // namespace fanlight::kernel
