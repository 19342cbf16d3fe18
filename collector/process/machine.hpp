// What the kernel tells of all CPUs together. In: /proc/stat. Out: time that no thread can call its own.
#pragma once

#include <cstdint>
#include <filesystem>

#include "core/error.hpp"

namespace fanlight::process {

/// Since boot, in steps of a tick (10 ms as a rule). It is part of the running time of whoever it met: the kernel does
/// not say of whom.
struct Machine {
  std::uint64_t interrupts_ns = 0;
  std::uint64_t soft_interrupts_ns = 0;
  std::uint64_t stolen_ns = 0;  // the host ran somebody else
};

/// Source: proc_stat(5), fields irq, softirq and steal of the first line. Errors: unreadable, or too short.
Result<Machine> machine(const std::filesystem::path& root = "/");

}  // namespace fanlight::process
