// Which programs this kernel takes. In: the skeleton. Out: the object loaded with as many probes as it accepts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collector/kernel/handles.hpp"
#include "collector/kernel/reading.hpp"
#include "core/error.hpp"

namespace fanlight::kernel {

enum class Probe : std::uint8_t {
  selector,
  scheduler,
  on_cpu,
  visitor,
  socket,
  maps,
  registry,
  mappings,
  network,
  timing,
  faults,
  signals,
  map_state
};
inline constexpr std::size_t kProbes = 13;

/// One way into the kernel, and the programs that go there.
struct Hook {
  const char* form;
  std::span<const char* const> programs;
};

struct ProbeKind {
  Probe probe;
  const char* name;
  std::span<const Hook> hooks;  // one is chosen at load: the first that this kernel has and takes
};
const std::array<ProbeKind, kProbes>& probe_kinds();

/// How many elements the arrays of unwind tables have; all 0: stacks are walked by frame pointers alone.
struct UnwindRoom {
  std::uint32_t chunks = 0;
  std::uint32_t pages = 0;
  std::uint32_t rules = 0;
};

struct LoadOptions {
  bool self_timed = true;  // our programs time some of their runs themselves
  std::uint32_t ring_bytes = 1u << 20;
  UnwindRoom unwind;
  bool by_record = false;          // several processes: known by the records of their threads
  bool with_children = false;      // processes that they start count as well
  bool from_exec = false;          // the one selected counts from its next exec on
  std::string adopted_comm;        // whoever becomes a program of that name counts as well; empty: nobody
  bool blocked_at_switch = false;  // stacks of waits are taken as they begin, even where an iterator could visit them
  bool timeline = false;           // there is a ring for each CPU: 400 KB
};

/// Loaded and attached to nothing.
struct Loaded {
  SkeletonPtr skeleton;
  MapEntriesPtr map_entries;                  // null where the kernel lacks what it calls
  std::array<std::string, kProbes> refused;   // why a probe is left out; empty: it is loaded
  std::array<std::size_t, kProbes> chosen{};  // which of its hooks a probe uses
  std::array<std::string, kProbes> worse;     // why not a better one; empty: the best that this kernel has
  bool unwinds = false;                       // stacks are walked by tables
  std::string no_unwinding;                   // why the kernel refused programs that do

  bool has(Probe probe) const { return refused[static_cast<std::size_t>(probe)].empty(); }
  const Hook& hook(Probe probe) const {
    const auto index = static_cast<std::size_t>(probe);
    return probe_kinds()[index].hooks[chosen[index]];
  }
  /// By name; null: there is none, or it is left out.
  bpf_program* program(const char* name) const;
  /// All that may be loaded, of both objects.
  std::vector<bpf_program*> programs() const;
  void refuse(Probe probe, std::string why) { refused[static_cast<std::size_t>(probe)] = std::move(why); }
};

/// Loads everything at once, or what is left when the kernel refuses a part. Errors: not even one probe loads.
/// Cost: 0.1 s; when something is refused, up to a second. Threads: any.
Result<Loaded> load(const LoadOptions& options);

/// One line for each probe, in the words of `reading.hpp`.
std::vector<Form> forms_of(const Loaded& loaded);

}  // namespace fanlight::kernel
