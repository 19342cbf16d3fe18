#include "collector/kernel/loader.hpp"

#include <cerrno>

#include "collector/kernel/capabilities.hpp"
#include "collector/kernel/libbpf_words.hpp"

namespace fanlight::kernel {
namespace {

constexpr const char* kSelector[] = {"fl_select"};
constexpr const char* kScheduler[] = {"fl_switch",  "fl_waking", "fl_wakeup", "fl_wakeup_new",
                                      "fl_newtask", "fl_exec",   "fl_threads"};
constexpr const char* kOnCpu[] = {"fl_cpu"};
constexpr const char* kVisitor[] = {"fl_visit"};
constexpr const char* kSocket[] = {"fl_socket"};
constexpr const char* kSocketAtExit[] = {"fl_socket_message", "fl_socket_batch_enter", "fl_socket_batch_exit",
                                         "fl_socket_page_enter", "fl_socket_page_exit"};
constexpr const char* kMaps[] = {"fl_map_enter", "fl_map_exit"};
constexpr const char* kRegistry[] = {"fl_registry"};
constexpr const char* kMappings[] = {"fl_mapped"};

constexpr Hook kSelectorHooks[] = {{"iter", kSelector}};
constexpr Hook kSchedulerHooks[] = {{"tp_btf", kScheduler}};
constexpr Hook kOnCpuHooks[] = {{"perf_event", kOnCpu}};
constexpr Hook kVisitorHooks[] = {{"iter", kVisitor}};
constexpr Hook kSocketHooks[] = {{"tp_btf", kSocket}, {"fexit", kSocketAtExit}};
constexpr std::size_t kAtExit = 1;
constexpr Hook kMapsHooks[] = {{"tp_btf", kMaps}};
constexpr Hook kRegistryHooks[] = {{"uprobe", kRegistry}};
constexpr Hook kMappingsHooks[] = {{"tp_btf", kMappings}};

// A thread's record with its histogram is 1.5 KB: room for some 700 deaths between two polls.
constexpr std::uint32_t kThreadEndBytes = 4u << 20;

using Chosen = std::array<const Hook*, kProbes>;  // null: left out

struct Attempt {
  SkeletonPtr skeleton;
  int error = 0;
  std::string why;
};

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
  skeleton.rodata->sample_period_ns = options.sample_period_ns;
  skeleton.rodata->wake_bytes = options.ring_bytes / 4;
  skeleton.rodata->have_threads = chosen[static_cast<std::size_t>(Probe::scheduler)] != nullptr;
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
  for (const ProbeKind& kind : probe_kinds())
    for (const Hook& hook : kind.hooks)
      for (const char* name : hook.programs)
        bpf_program__set_autoload(bpf_object__find_program_by_name(skeleton.obj, name),
                                  chosen[static_cast<std::size_t>(kind.probe)] == &hook);
  bpf_program__set_autoload(skeleton.progs.fl_listen, chosen[static_cast<std::size_t>(Probe::registry)] != nullptr);
  bpf_map__set_autocreate(skeleton.maps.socket_writes_before,
                          chosen[static_cast<std::size_t>(Probe::socket)] == &kSocketHooks[kAtExit]);
  if (const int error = fanlight_bpf__load(&skeleton); error < 0) {
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
  }};
  return kinds;
}

Result<Loaded> load(const LoadOptions& options) {
  silence_libbpf();
  Loaded loaded;
  const bool at_exit = libbpf_find_vmlinux_btf_id("sock_send_length", BPF_TRACE_RAW_TP) < 0;
  if (at_exit) loaded.chosen[static_cast<std::size_t>(Probe::socket)] = kAtExit;
  Chosen chosen;
  for (const ProbeKind& kind : probe_kinds()) chosen[static_cast<std::size_t>(kind.probe)] = &loaded.hook(kind.probe);
  if (libbpf_find_vmlinux_btf_id("vm_unmapped_area", BPF_TRACE_RAW_TP) < 0) {
    loaded.refuse(Probe::mappings, "this kernel has no tracepoint vm_unmapped_area (Linux 5.6 has it)");
    chosen[static_cast<std::size_t>(Probe::mappings)] = nullptr;
  }
  if (at_exit && libbpf_find_vmlinux_btf_id("__sock_sendmsg", BPF_TRACE_FEXIT) < 0) {
    loaded.refuse(Probe::socket,
                  "this kernel has neither the tracepoint sock_send_length (Linux 6.3 has it) nor the function "
                  "__sock_sendmsg (Debian's 6.1 has it)");
    chosen[static_cast<std::size_t>(Probe::socket)] = nullptr;
  }
  loaded.unwinds = options.unwind.chunks > 0;
  Attempt all = attempt(options, chosen, loaded.unwinds);
  if (all.error != 0 && loaded.unwinds) {
    // Walking by tables is what a verifier is most likely to mind.
    Attempt simpler = attempt(options, chosen, false);
    if (simpler.error == 0) {
      loaded.unwinds = false;
      loaded.no_unwinding = refusal(all);
      all = std::move(simpler);
    }
  }
  if (all.error == 0) {
    loaded.skeleton = std::move(all.skeleton);
    return loaded;
  }
  // Something is refused. One by one, to learn what; then all that is left together, since they share their maps.
  Attempt last;
  bool any = false;
  for (const ProbeKind& kind : probe_kinds()) {
    const auto index = static_cast<std::size_t>(kind.probe);
    if (chosen[index] == nullptr) continue;
    Chosen alone{};
    alone[index] = chosen[index];
    last = attempt(options, alone, loaded.unwinds);
    if (last.error != 0 && loaded.unwinds) {
      Attempt simpler = attempt(options, alone, false);
      if (simpler.error == 0) {
        loaded.unwinds = false;
        loaded.no_unwinding = refusal(last);
        last = std::move(simpler);
      }
    }
    if (last.error != 0) {
      loaded.refuse(kind.probe, refusal(last));
      chosen[index] = nullptr;
    } else if (kind.probe != Probe::selector && kind.probe != Probe::mappings) {
      any = true;
    }
  }
  if (any) {
    Attempt rest = attempt(options, chosen, loaded.unwinds);
    if (rest.error == 0) {
      loaded.skeleton = std::move(rest.skeleton);
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

std::vector<Form> forms_of(const Loaded& loaded) {
  std::vector<Form> forms;
  for (const ProbeKind& kind : probe_kinds()) {
    if (kind.probe == Probe::selector) continue;
    const std::string& why = loaded.refused[static_cast<std::size_t>(kind.probe)];
    forms.push_back({kind.name, why.empty() ? loaded.hook(kind.probe).form : "none", why});
  }
  forms.push_back({"user stacks", loaded.unwinds ? ".eh_frame" : "frame pointers", loaded.no_unwinding});
  return forms;
}

}  // namespace fanlight::kernel
