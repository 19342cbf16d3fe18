#include "collector/kernel/loader.hpp"

#include <cerrno>

#include "collector/kernel/capabilities.hpp"
#include "collector/kernel/libbpf_words.hpp"
#include "collector/kernel/timing.hpp"

namespace fanlight::kernel {
namespace {

constexpr const char* kSelector[] = {"fl_select"};
constexpr const char* kScheduler[] = {"fl_switch",  "fl_waking", "fl_wakeup", "fl_wakeup_new",
                                      "fl_newtask", "fl_exec",   "fl_threads"};
constexpr const char* kOnCpu[] = {"fl_cpu"};
constexpr const char* kVisitor[] = {"fl_visit"};
constexpr const char* kSwitchOut[] = {"fl_switch_out"};
constexpr const char* kSocket[] = {"fl_socket"};
constexpr const char* kSocketAtExit[] = {"fl_socket_message", "fl_socket_batch_enter", "fl_socket_batch_exit",
                                         "fl_socket_page_enter", "fl_socket_page_exit"};
constexpr const char* kMaps[] = {"fl_map_enter", "fl_map_exit"};
constexpr const char* kRegistry[] = {"fl_registry"};
constexpr const char* kMappings[] = {"fl_mapped"};

constexpr const char* kNetwork[] = {"fl_connections",           "fl_tcp_state",      "fl_tcp_retransmit",
                                    "fl_tcp_retransmit_synack", "fl_tcp_reset_sent", "fl_tcp_reset_received"};
constexpr const char* kTiming[] = {"fl_call", "fl_acknowledged"};
constexpr const char* kTimingAtEntry[] = {"fl_call_enter", "fl_acknowledged"};
constexpr const char* kTimingAnswers[] = {"fl_acknowledged"};

constexpr const char* kFaults[] = {"fl_fault"};
constexpr const char* kSignals[] = {"fl_signal_sent", "fl_signal_delivered"};
constexpr const char* kMapEntries[] = {"fl_map_entries"};
constexpr const char* kMapSizes[] = {"fl_map_sizes"};

constexpr Hook kSelectorHooks[] = {{"iter", kSelector}};
constexpr Hook kSchedulerHooks[] = {{"tp_btf", kScheduler}};
constexpr Hook kOnCpuHooks[] = {{"perf_event", kOnCpu}};
constexpr Hook kVisitorHooks[] = {{"iter", kVisitor}, {"tp_btf, as they leave their CPU", kSwitchOut}};
constexpr std::size_t kAtSwitch = 1;
constexpr Hook kSocketHooks[] = {{"tp_btf", kSocket}, {"fexit", kSocketAtExit}};
constexpr std::size_t kAtExit = 1;
constexpr Hook kMapsHooks[] = {{"tp_btf", kMaps}};
constexpr Hook kRegistryHooks[] = {{"uprobe", kRegistry}};
constexpr Hook kMappingsHooks[] = {{"tp_btf", kMappings}};
constexpr Hook kNetworkHooks[] = {{"tp_btf", kNetwork}};
constexpr Hook kFaultsHooks[] = {{"perf_event", kFaults}};
constexpr Hook kSignalsHooks[] = {{"tp_btf", kSignals}};
constexpr Hook kMapStateHooks[] = {{"iter", kMapEntries}, {"iter, sizes alone", kMapSizes}};
constexpr std::size_t kWithEntries = 0;
constexpr Hook kTimingHooks[] = {
    {"tp_btf", kTiming}, {"fentry", kTimingAtEntry}, {"tp_btf, acknowledgements alone", kTimingAnswers}};

// A thread's record with its histogram is 1.5 KB: room for some 700 deaths between two polls.
constexpr std::uint32_t kThreadEndBytes = 4u << 20;

using Chosen = std::array<const Hook*, kProbes>;  // null: left out

struct Attempt {
  SkeletonPtr skeleton;
  MapEntriesPtr map_entries;
  int error = 0;
  std::string why;
};

constexpr std::size_t at(Probe probe) { return static_cast<std::size_t>(probe); }

bool has_tracepoint(const char* name) { return libbpf_find_vmlinux_btf_id(name, BPF_TRACE_RAW_TP) >= 0; }
bool has_function(const char* name) { return libbpf_find_vmlinux_btf_id(name, BPF_TRACE_FENTRY) >= 0; }

/// True when the kernel has what the hook attaches to; whether it allows that only loading tells.
bool exists(const Hook& hook) {
  if (hook.programs.data() == kSocket) return has_tracepoint("sock_send_length");
  if (hook.programs.data() == kSocketAtExit) return has_function("__sock_sendmsg");
  if (hook.programs.data() == kTiming) return has_tracepoint("tcp_sendmsg_locked");
  if (hook.programs.data() == kTimingAtEntry) return has_function("__sock_sendmsg");
  if (hook.programs.data() == kMapEntries) return has_function("bpf_map_sum_elem_count");
  if (hook.programs.data() == kMappings) return has_tracepoint("vm_unmapped_area");
  return true;
}

/// Why none of a probe's hooks exists.
const char* nothing_for(Probe probe) {
  if (probe == Probe::socket)
    return "this kernel has neither the tracepoint sock_send_length (Linux 6.3 has it) nor the function __sock_sendmsg "
           "(Debian's 6.1 has it)";
  return "this kernel has no tracepoint vm_unmapped_area (Linux 5.6 has it)";
}

Attempt attempt(const LoadOptions& options, const Chosen& chosen, bool unwinds) {
  Attempt result;
  take_libbpf_words();
  result.skeleton.reset(fanlight_bpf__open());
  if (!result.skeleton) {
    result.error = errno;
    result.why = take_libbpf_words();
    return result;
  }
  fanlight_bpf& skeleton = *result.skeleton;
  skeleton.rodata->self_timed = options.self_timed;
  skeleton.rodata->fault_windows = static_cast<__u32>(TimingWindows::kPeriod / TimingWindows::kOpen);
  skeleton.rodata->wake_bytes = options.ring_bytes / 4;
  skeleton.rodata->have_threads = chosen[at(Probe::scheduler)] != nullptr;
  skeleton.rodata->unwind_by_tables = unwinds;
  skeleton.rodata->by_record = options.by_record;
  skeleton.rodata->with_children = options.with_children;
  skeleton.rodata->from_exec = options.from_exec;
  options.adopted_comm.copy(const_cast<char*>(skeleton.rodata->adopted_comm), sizeof skeleton.rodata->adopted_comm - 1);
  if (options.by_record) bpf_map__set_max_entries(skeleton.maps.unwind_mappings, 2 * FANLIGHT_UNWIND_PROCESSES);
  if (unwinds) {
    bpf_map__set_max_entries(skeleton.maps.unwind_chunks, options.unwind.chunks);
    bpf_map__set_max_entries(skeleton.maps.unwind_pages, options.unwind.pages);
    bpf_map__set_max_entries(skeleton.maps.unwind_rules, options.unwind.rules);
  }
  if (options.timeline)
    bpf_map__set_max_entries(skeleton.maps.timeline, static_cast<std::uint32_t>(libbpf_num_possible_cpus()));
  bpf_map__set_max_entries(skeleton.maps.samples, options.ring_bytes);
  bpf_map__set_max_entries(skeleton.maps.thread_ends, std::max(options.ring_bytes, kThreadEndBytes));
  // Hooks of one probe share programs, so all are left out before those of the chosen ones are taken in.
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton.obj) bpf_program__set_autoload(program, false);
  for (const Hook* hook : chosen) {
    if (hook == nullptr) continue;
    for (const char* name : hook->programs)
      if (bpf_program* const named = bpf_object__find_program_by_name(skeleton.obj, name))
        bpf_program__set_autoload(named, true);
  }
  bpf_program__set_autoload(skeleton.progs.fl_listen, chosen[at(Probe::registry)] != nullptr);
  bpf_map__set_autocreate(skeleton.maps.socket_writes_before, chosen[at(Probe::socket)] == &kSocketHooks[kAtExit]);
  int error = fanlight_bpf__load(&skeleton);
  if (error == 0 && chosen[at(Probe::map_state)] == &kMapStateHooks[kWithEntries]) {
    result.map_entries.reset(map_entries_bpf__open());
    error = result.map_entries ? map_entries_bpf__load(result.map_entries.get()) : -errno;
  }
  if (error < 0) {
    result.error = -error;
    result.why = take_libbpf_words();
  }
  return result;
}

std::string refusal(const Attempt& tried) {
  std::string text = std::generic_category().message(tried.error);
  if (!tried.why.empty()) text += " (" + tried.why + ")";
  return text;
}

}  // namespace

const std::array<ProbeKind, kProbes>& probe_kinds() {
  static const std::array<ProbeKind, kProbes> kinds{{
      {Probe::selector, "target selection", kSelectorHooks},
      {Probe::scheduler, "scheduler", kSchedulerHooks},
      {Probe::on_cpu, "on-cpu sampler", kOnCpuHooks},
      {Probe::visitor, "blocked threads", kVisitorHooks},
      {Probe::socket, "socket writes", kSocketHooks},
      {Probe::maps, "map operations", kMapsHooks},
      {Probe::registry, "registry operations", kRegistryHooks},
      {Probe::mappings, "new mappings", kMappingsHooks},
      {Probe::network, "tcp connections", kNetworkHooks},
      {Probe::timing, "write timing", kTimingHooks},
      {Probe::faults, "page faults", kFaultsHooks},
      {Probe::signals, "signals", kSignalsHooks},
      {Probe::map_state, "map occupancy", kMapStateHooks},
  }};
  return kinds;
}

namespace {

/// With tables to walk stacks by or, where the kernel refuses such programs, without; `loaded` says which.
Attempt attempt_either_way(const LoadOptions& options, const Chosen& chosen, Loaded& loaded) {
  Attempt tried = attempt(options, chosen, loaded.unwinds);
  if (tried.error == 0 || !loaded.unwinds) return tried;
  // Walking by tables is what a verifier is most likely to mind.
  Attempt simpler = attempt(options, chosen, false);
  if (simpler.error != 0) return tried;
  loaded.unwinds = false;
  loaded.no_unwinding = refusal(tried);
  return simpler;
}

/// The first hook from `from` on that the kernel has; null when there is none.
const Hook* next_hook(const ProbeKind& kind, std::size_t from) {
  for (std::size_t index = from; index < kind.hooks.size(); ++index)
    if (exists(kind.hooks[index])) return &kind.hooks[index];
  return nullptr;
}

}  // namespace

Result<Loaded> load(const LoadOptions& options) {
  silence_libbpf();
  Loaded loaded;
  Chosen chosen{};
  const auto choose = [&](const ProbeKind& kind, const Hook* hook) {
    chosen[at(kind.probe)] = hook;
    if (hook != nullptr) loaded.chosen[at(kind.probe)] = static_cast<std::size_t>(hook - kind.hooks.data());
  };
  for (const ProbeKind& kind : probe_kinds()) {
    choose(kind, next_hook(kind, kind.probe == Probe::visitor && options.blocked_at_switch ? kAtSwitch : 0));
    if (chosen[at(kind.probe)] == nullptr) loaded.refuse(kind.probe, nothing_for(kind.probe));
  }
  loaded.unwinds = options.unwind.chunks > 0;
  Attempt all = attempt_either_way(options, chosen, loaded);
  if (all.error == 0) {
    loaded.skeleton = std::move(all.skeleton);
    loaded.map_entries = std::move(all.map_entries);
    return loaded;
  }
  // Something is refused. One by one, to learn what, and whether another hook will do; then all that is left together,
  // since they share their maps.
  bool any = false;
  for (const ProbeKind& kind : probe_kinds()) {
    std::string why;
    while (const Hook* hook = chosen[at(kind.probe)]) {
      Chosen alone{};
      alone[at(kind.probe)] = hook;
      const Attempt tried = attempt_either_way(options, alone, loaded);
      if (tried.error == 0) break;
      if (why.empty()) why = refusal(tried);
      choose(kind, next_hook(kind, static_cast<std::size_t>(hook - kind.hooks.data()) + 1));
      if (chosen[at(kind.probe)] == nullptr) loaded.refuse(kind.probe, why);
    }
    loaded.worse[at(kind.probe)] = loaded.has(kind.probe) ? why : "";
    if (chosen[at(kind.probe)] != nullptr && kind.probe != Probe::selector && kind.probe != Probe::mappings) any = true;
  }
  if (any) {
    Attempt rest = attempt(options, chosen, loaded.unwinds);
    if (rest.error == 0) {
      loaded.skeleton = std::move(rest.skeleton);
      loaded.map_entries = std::move(rest.map_entries);
      return loaded;
    }
    all = std::move(rest);
  }
  std::string what = "load kernel programs";
  const std::vector<std::string> missing = missing_capabilities(capabilities());
  if (!missing.empty()) return fail(all.error, what + ": missing " + listed(missing), how_to_grant(missing));
  if (!all.why.empty()) what += ": " + all.why;
  return fail(
      all.error, what,
      all.error == EPERM || all.error == EACCES ? how_to_grant({}) : "fanlight doctor says what this kernel lacks");
}

bpf_program* Loaded::program(const char* name) const {
  if (map_entries && std::string_view(name) == kMapEntries[0]) return map_entries->progs.fl_map_entries;
  return bpf_object__find_program_by_name(skeleton->obj, name);
}

std::vector<bpf_program*> Loaded::programs() const {
  std::vector<bpf_program*> all;
  bpf_program* one = nullptr;
  bpf_object__for_each_program(one, skeleton->obj) all.push_back(one);
  if (map_entries) all.push_back(map_entries->progs.fl_map_entries);
  return all;
}

std::vector<Form> forms_of(const Loaded& loaded) {
  std::vector<Form> forms;
  for (const ProbeKind& kind : probe_kinds()) {
    if (kind.probe == Probe::selector) continue;
    const bool has = loaded.has(kind.probe);
    forms.push_back({kind.name, has ? loaded.hook(kind.probe).form : "none",
                     has ? loaded.worse[at(kind.probe)] : loaded.refused[at(kind.probe)]});
  }
  forms.push_back({"user stacks", loaded.unwinds ? ".eh_frame" : "frame pointers", loaded.no_unwinding});
  return forms;
}

}  // namespace fanlight::kernel
