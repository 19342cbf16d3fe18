#include "collector/kernel/probes.hpp"

#include <linux/membarrier.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "collector/kernel/capabilities.hpp"
#include "collector/kernel/iterator.hpp"
#include "collector/kernel/libbpf_words.hpp"
#include "collector/kernel/perf_events.hpp"
#include "collector/kernel/probes_state.hpp"
#include "collector/process/process.hpp"
#include "core/clock.hpp"
#include "core/units.hpp"

namespace fanlight::kernel {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr ino_t kFirstPidNamespace = 0xEFFFFFFC;  // include/linux/proc_ns.h, PROC_PID_INIT_INO

bool in_first_pid_namespace() {
  struct stat own{};
  return ::stat("/proc/self/ns/pid", &own) == 0 && own.st_ino == kFirstPidNamespace;
}

// Programs that began before a change in their globals have ended after this. They run with preemption off, and the
// barrier waits for every CPU to have passed a point where it was on.
void wait_for_running_programs() {
  if (::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

UnwindRoom room_for(const unwind::Capacity& capacity) {
  return {.chunks = static_cast<std::uint32_t>(capacity.chunks),
          .pages = static_cast<std::uint32_t>(capacity.pages),
          .rules = static_cast<std::uint32_t>(capacity.rules)};
}

Result<> check(const Options& options) {
  std::vector<pid_t> pids = options.others;
  if (options.pid != 0 || options.comm.empty()) pids.push_back(options.pid);
  for (const pid_t pid : pids) {
    if (pid <= 0) return fail(0, "attach: " + std::to_string(pid) + " is no pid", "give --pid of a running process");
    if (::kill(pid, 0) != 0 && errno == ESRCH)
      return fail(ESRCH, "attach to pid " + std::to_string(pid), "ps -e lists the processes that are running");
  }
  if (options.sample_hz == 0 || options.sample_hz > 10'000)
    return fail(EINVAL, "attach: " + std::to_string(options.sample_hz) + " samples per second", "between 1 and 10000");
  if (options.visit_every <= std::chrono::milliseconds(0))
    return fail(EINVAL, "attach: visits must be some time apart");
  const auto page = static_cast<std::uint32_t>(::sysconf(_SC_PAGESIZE));
  if (options.ring_bytes < page || (options.ring_bytes & (options.ring_bytes - 1)) != 0)
    return fail(EINVAL, "attach: ring of " + std::to_string(options.ring_bytes) + " bytes",
                "a power of two, at least 4096");
  if (::access("/sys/kernel/btf/vmlinux", R_OK) != 0)
    return fail(errno, "attach: read the kernel's types (/sys/kernel/btf/vmlinux)",
                "the kernel probes need a kernel built with CONFIG_DEBUG_INFO_BTF");
  return {};
}

}  // namespace

Probes::Probes(std::unique_ptr<State> state) : state_(std::move(state)) {}
Probes::Probes(Probes&&) noexcept = default;
Probes::~Probes() = default;

const std::vector<Form>& Probes::forms() const { return state_->forms; }

Result<Probes> Probes::attach(const Options& options) {
  if (const Result<> ready = check(options); !ready) return std::unexpected(ready.error());
  auto state = std::make_unique<State>();
  state->options = options;
  state->started_as_copy = options.from_exec;
  std::string no_tables = "switched off";
  if (options.unwind) {
    // Before its exec it is a copy of ourselves, whose tables nobody needs.
    auto unwinding = Unwinding::prepare(options.from_exec ? 0 : options.pid, options.several());
    if (unwinding)
      state->unwinding = std::move(*unwinding);
    else
      no_tables = unwinding.error().what;
  }
  // Held before anything is loaded: whether it is granted decides who times the programs.
  if (options.program_stats) state->statistics = Fd{bpf_enable_stats(BPF_STATS_RUN_TIME)};
  Result<Loaded> loaded = load({.self_timed = !state->statistics,
                                .ring_bytes = options.ring_bytes,
                                .unwind = state->unwinding ? room_for(state->unwinding->capacity()) : UnwindRoom{},
                                .by_record = options.several(),
                                .with_children = options.children,
                                .from_exec = options.from_exec,
                                .adopted_comm = options.comm,
                                .blocked_at_switch = options.waits_per_second > 0,
                                .timeline = options.timeline});
  if (!loaded) return within("attach", std::move(loaded.error()));
  state->loaded = std::move(*loaded);
  if (state->unwinding && state->loaded.unwinds)
    if (Result<> published = state->unwinding->publish(*state->loaded.skeleton); !published)
      return within("attach", std::move(published.error()));
  if (!state->loaded.unwinds) state->unwinding.reset();
  if (!state->loaded.unwinds && state->loaded.no_unwinding.empty()) state->loaded.no_unwinding = std::move(no_tables);
  if (Result<> attached = state->attach(); !attached) return within("attach", std::move(attached.error()));
  Probes probes(std::move(state));
  if (options.timeline)
    if (Result<> traced = probes.trace(true); !traced) return within("attach", std::move(traced.error()));
  return probes;
}

void Probes::State::refuse(Probe probe, std::string why) { loaded.refuse(probe, std::move(why)); }

Result<> Probes::State::attach_programs(Probe probe, std::vector<LinkPtr>& into) {
  std::vector<LinkPtr> attached;
  for (const char* name : loaded.hook(probe).programs) {
    bpf_program* program = loaded.program(name);
    if (bpf_program__expected_attach_type(program) == BPF_TRACE_ITER) continue;
    LinkPtr link{bpf_program__attach(program)};
    if (!link) return fail(errno, std::string("attach ") + name);
    attached.push_back(std::move(link));
  }
  for (LinkPtr& link : attached) into.push_back(std::move(link));
  return {};
}

Result<> Probes::State::attach() {
  // Attached while they match nobody: from the moment the target is selected nothing of it can be missed.
  for (const Probe probe : {Probe::scheduler, Probe::socket, Probe::mappings, Probe::signals}) {
    if (!has(probe)) continue;
    if (Result<> done = attach_programs(probe, probe == Probe::socket ? socket_links : links); !done)
      refuse(probe, done.error().what);
  }
  if (has(Probe::on_cpu)) {
    auto attached = CpuEvents::attach(loaded.skeleton->progs.fl_cpu, CpuEvent::clock, kSecondNs / options.sample_hz);
    if (attached)
      timers = std::move(*attached);
    else
      refuse(Probe::on_cpu, attached.error().what);
  }

  const auto on_record = [](void* context, void* bytes, std::size_t size) noexcept {
    static_cast<State*>(context)->take_sample({static_cast<const std::byte*>(bytes), size});
    return 0;
  };
  const auto on_end = [](void* context, void* bytes, std::size_t size) noexcept {
    static_cast<State*>(context)->take_end({static_cast<const std::byte*>(bytes), size});
    return 0;
  };
  rings.reset(ring_buffer__new(bpf_map__fd(loaded.skeleton->maps.samples), on_record, this, nullptr));
  if (!rings) return fail(errno, "map the ring of samples");
  if (const int error = ring_buffer__add(rings.get(), bpf_map__fd(loaded.skeleton->maps.thread_ends), on_end, this);
      error < 0)
    return fail(-error, "map the ring of thread ends");

  if (Result<> selected = select_target(); !selected) return selected;
  if (has(Probe::scheduler))
    if (Result<> started = start_threads(); !started) return started;
  if (has(Probe::visitor) && loaded.hook(Probe::visitor).programs.front() == std::string_view("fl_switch_out")) {
    // Behind fl_switch, which has been attached already.
    if (LinkPtr link{bpf_program__attach(loaded.skeleton->progs.fl_switch_out)})
      links.push_back(std::move(link));
    else
      refuse(Probe::visitor, std::generic_category().message(errno));
  } else if (has(Probe::visitor)) {
    auto iterator = attach_iterator(loaded.skeleton->progs.fl_visit);
    if (iterator)
      visit_iterator = std::move(*iterator);
    else
      refuse(Probe::visitor, iterator.error().what);
  }
  if (options.pid != 0) attach_registry();
  attach_network();
  attach_faults();
  if (has(Probe::timing) || has(Probe::faults)) windows.emplace(Clock::now());
  follow_maps();
  started_ns = monotonic_ns();
  last_visit_ns = started_ns;
  schedule_visit();
  update_forms();
  if (options.several() && !has(Probe::scheduler))
    return fail(0,
                "several processes without the scheduler probe (" +
                    loaded.refused[static_cast<std::size_t>(Probe::scheduler)] + ")",
                "watch one of them, with --pid");
  if (!has(Probe::scheduler) && !has(Probe::on_cpu)) {
    std::string what = "neither scheduler (" + loaded.refused[static_cast<std::size_t>(Probe::scheduler)] +
                       ") nor on-cpu sampler (" + loaded.refused[static_cast<std::size_t>(Probe::on_cpu)] +
                       ") could attach";
    return fail(0, std::move(what), how_to_grant(missing_capabilities(capabilities())));
  }
  return {};
}

Result<> Probes::State::select_target() {
  fanlight_bpf& skeleton = *loaded.skeleton;
  if (has(Probe::selector)) {
    skeleton.bss->own_map_fd = static_cast<__u32>(bpf_map__fd(skeleton.maps.samples));
    // Without a process yet, our own number stands in: it is nobody's whom we watch.
    const pid_t first = options.pid != 0 ? options.pid : ::getpid();
    skeleton.bss->select_number_only = options.pid == 0 || options.from_exec;
    auto selector = attach_to_process(skeleton.progs.fl_select, first);
    if (selector) {
      if (Result<> ran = run_iterator(selector->get(), pass); !ran)
        return within("select the target", std::move(ran.error()));
      if (skeleton.data->target_tgid == ~0u)
        return fail(ESRCH, "pid " + std::to_string(first), "ps -e lists the processes that are running");
      wait_for_running_programs();
      skeleton.bss->select_number_only = 0;
      if (options.several() && options.pid != 0 && !options.from_exec)
        if (Result<> selected = select_process(options.pid); !selected) return selected;
      for (const pid_t other : options.others)
        if (Result<> selected = select_process(other); !selected) return selected;
      return {};
    }
    refuse(Probe::selector, selector.error().what);
  }
  // Without iterators threads cannot be found or read; the sampler alone needs no more than the number.
  const std::string why = "no iterator over one process (Linux 6.1 has it)";
  for (const Probe probe :
       {Probe::scheduler, Probe::visitor, Probe::socket, Probe::maps, Probe::network, Probe::faults, Probe::map_state})
    if (has(probe)) refuse(probe, why);
  links.clear();
  socket_links.clear();
  timers = {};
  if (!has(Probe::on_cpu)) return fail(ENOTSUP, why, "Linux 6.1 or later");
  if (!in_first_pid_namespace())
    return fail(ENOTSUP, why + ", and this is a container: the kernel's number of the target is not known",
                "--pid=host");
  skeleton.data->target_tgid = static_cast<__u32>(options.pid);
  auto attached = CpuEvents::attach(skeleton.progs.fl_cpu, CpuEvent::clock, kSecondNs / options.sample_hz);
  if (!attached) return std::unexpected(attached.error());
  timers = std::move(*attached);
  return {};
}

Result<> Probes::State::select_process(pid_t pid) {
  auto selector = attach_to_process(loaded.skeleton->progs.fl_select, pid);
  if (!selector) return std::unexpected(selector.error());
  // A thread that one not yet selected starts in the meantime is found by the second pass.
  for (int times = 0; times < 2; ++times)
    if (Result<> ran = run_iterator(selector->get(), pass); !ran)
      return within("select pid " + std::to_string(pid), std::move(ran.error()));
  return {};
}

Result<LinkPtr> Probes::State::attach_iterator(bpf_program* program) {
  if (!options.several()) return attach_to_process(program, options.pid);
  LinkPtr link{bpf_program__attach_iter(program, nullptr)};
  if (!link) return fail(errno, std::string("attach ") + bpf_program__name(program));
  return link;
}

Result<> Probes::add(pid_t pid) {
  if (!state_->options.joinable) return fail(0, "this target takes no further process");
  return state_->select_process(pid);
}

Result<> Probes::trace(bool on) {
  State& state = *state_;
  if (on && !state.options.timeline)
    return fail(0, "there is no room for a timeline: it was not asked for at the start");
  if (on && !state.has(Probe::scheduler)) return fail(0, "a timeline needs the scheduler probe");
  if (on && !state.timeline) {
    auto mapped = Timeline::map(state.loaded.skeleton->maps.timeline);
    if (!mapped) return std::unexpected(mapped.error());
    state.timeline.emplace(std::move(*mapped));
  }
  __atomic_store_n(&state.loaded.skeleton->bss->timeline_on, on ? 1u : 0u, __ATOMIC_RELEASE);
  return {};
}

void Probes::started() {
  State& state = *state_;
  state.started_as_copy = false;
  if (!state.unwinding) return;
  state.unwinding->follow();
  state.unwinding->look_at(state.options.pid);
}

Result<> Probes::State::start_threads() {
  auto iterator = attach_iterator(loaded.skeleton->progs.fl_threads);
  if (!iterator) return std::unexpected(iterator.error());
  thread_iterator = std::move(*iterator);
  // The first reading puts every thread that had no event yet where it is.
  return read_threads();
}

void Probes::State::attach_registry() {
  if (!has(Probe::registry)) return;
  // Through /proc: right as well where the target lives in another mount namespace.
  const std::string executable =
      options.from_exec ? options.executable : "/proc/" + std::to_string(options.pid) + "/exe";
  if (options.listen) {
    // The probe itself is never passed: what counts is that the kernel counts us as a listener.
    if (LinkPtr listener{bpf_program__attach_usdt(loaded.skeleton->progs.fl_listen, options.pid, executable.c_str(),
                                                  "fanlight", "listen", nullptr)})
      links.push_back(std::move(listener));
  }
  take_libbpf_words();
  LinkPtr link{bpf_program__attach_usdt(loaded.skeleton->progs.fl_registry, options.pid, executable.c_str(), "fanlight",
                                        "map_op", nullptr)};
  if (link) {
    registry_link = std::move(link);
    return;
  }
  const int error = errno;
  if (error == ENOENT || error == ESRCH) {
    refuse(Probe::registry, "the target has no fanlight:map_op point");
    return;
  }
  if (error == EACCES || error == EPERM) {
    if (std::string refusal = uprobe_refusal(); !refusal.empty()) {
      refuse(Probe::registry, std::move(refusal));
      return;
    }
    for (const Capability& capability : capabilities()) {
      if (capability.name != "CAP_SYS_PTRACE" || capability.held) continue;
      refuse(Probe::registry,
             std::generic_category().message(error) +
                 ": to open the target's executable, CAP_SYS_PTRACE is missing: " + how_to_grant({capability.name}));
      return;
    }
  }
  std::string why = std::generic_category().message(error);
  if (const std::string words = take_libbpf_words(); !words.empty()) why += " (" + words + ")";
  refuse(Probe::registry, std::move(why));
}

void Probes::State::attach_network() {
  if (has(Probe::network)) {
    auto iterator = attach_iterator(loaded.skeleton->progs.fl_connections);
    Result<> done = iterator ? Result<>() : std::unexpected(iterator.error());
    if (done) {
      connection_iterator = std::move(*iterator);
      // First whose the sockets are, then what happens to them.
      done = read_connections();
    }
    if (done) done = attach_programs(Probe::network, links);
    if (!done) {
      connection_iterator.reset();
      refuse(Probe::network, done.error().what);
    }
  }
  if (!has(Probe::network) && has(Probe::timing))
    refuse(Probe::timing, "it needs to know the target's connections, and that probe is missing");
}

void Probes::State::attach_faults() {
  if (!has(Probe::scheduler) && has(Probe::faults))
    refuse(Probe::faults, "it needs to know the target's threads, and the scheduler probe is missing");
  if (!has(Probe::faults)) return;
  auto attached = CpuEvents::attach(loaded.skeleton->progs.fl_fault, CpuEvent::page_faults, 1);
  if (attached) {
    fault_events = std::move(*attached);
    fault_events.run(false);
  } else {
    refuse(Probe::faults, attached.error().what);
  }
}

void Probes::State::step_windows() {
  if (!windows || !windows->step(Clock::now())) return;
  const TimingWindows::Phase phase = windows->phase();
  fanlight_bpf& skeleton = *loaded.skeleton;
  const bool on = phase == TimingWindows::Phase::on && effort.windows;
  if (has(Probe::faults)) fault_events.run(on);
  if (!has(Probe::timing)) return;
  if (on) {
    if (Result<> done = attach_programs(Probe::timing, timing_links); !done) {
      refuse(Probe::timing, done.error().what);
      update_forms();
      return;
    }
    ++skeleton.bss->timing_window;
  }
  skeleton.bss->timing = timing_links.empty() ? __u32{FANLIGHT_TIMING_OFF} : static_cast<__u32>(phase);
  if (phase == TimingWindows::Phase::off) timing_links.clear();
}

void Probes::set_effort(const Effort& effort) {
  State& state = *state_;
  state.effort = effort;
  state.timers.set_period(kSecondNs * effort.sampling_divisor / state.options.sample_hz);
  if (!effort.registry && state.registry_link) {
    state.registry_link.reset();
    state.refuse(Probe::registry, "given up to keep within the budget");
  }
  if (state.has(Probe::socket)) {
    if (!effort.sockets)
      state.socket_links.clear();
    else if (state.socket_links.empty())
      if (Result<> done = state.attach_programs(Probe::socket, state.socket_links); !done)
        state.refuse(Probe::socket, done.error().what);
  }
  if (!effort.map_operations) state.map_links.clear();
  state.follow_maps();
  state.update_forms();
}

void Probes::State::follow_maps() {
  if (!has(Probe::maps)) return;
  std::set<pid_t> pids = processes;
  // Before its exec it holds what we hold.
  if (options.pid != 0 && !started_as_copy) pids.insert(options.pid);
  const bool wanted = effort.map_operations && std::ranges::any_of(pids, [](pid_t pid) {
                        // Where we may not look, the target may hold some.
                        const std::string descriptors = "/proc/" + std::to_string(pid) + "/fdinfo";
                        const bool hidden = ::access(descriptors.c_str(), R_OK | X_OK) != 0 && errno == EACCES;
                        return hidden || !process::bpf_maps(pid).empty();
                      });
  if (!wanted) map_links.clear();
  if (!wanted || !map_links.empty()) return;
  if (Result<> done = attach_programs(Probe::maps, map_links); !done) {
    refuse(Probe::maps, done.error().what);
  } else if (started_ns != 0 && maps_late.empty()) {
    const std::string after = format_ns(static_cast<double>(monotonic_ns() - started_ns)) + " after the start";
    maps_late = followed_maps
                    ? "attached anew " + after +
                          ", when the target came to hold maps again; operations just before are not counted"
                    : "attached " + after + ", when the target came to hold maps; earlier operations are not counted";
  }
  followed_maps = true;
  update_forms();
}

void Probes::State::update_forms() {
  forms = forms_of(loaded);
  const auto say = [&](Probe probe, const std::string& why) {
    for (Form& form : forms)
      if (form.probe == probe_kinds()[static_cast<std::size_t>(probe)].name && form.why.empty()) form.why = why;
  };
  say(Probe::maps, maps_late);
  const std::string paused = "paused to keep within the budget";
  if (!effort.sockets) say(Probe::socket, paused);
  if (!effort.map_operations) say(Probe::maps, paused);
  if (!effort.windows) say(Probe::timing, paused);
  if (!effort.windows) say(Probe::faults, paused);
  if (!unwinding) return;
  const unwind::Counts counts = unwinding->counts();
  forms.back().form = ".eh_frame: " + format_count(static_cast<double>(counts.rows)) + " rows of " +
                      std::to_string(counts.files) + " files, " + format_bytes(static_cast<double>(counts.bytes));
  if (counts.refused > 0)
    forms.back().why = std::to_string(counts.refused) + " files or mappings found no room, and go by frame pointers";
}

}  // namespace fanlight::kernel
