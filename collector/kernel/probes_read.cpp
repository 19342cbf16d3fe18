// Counts: what the kernel programs have added up.
#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <iterator>
#include <set>

#include "collector/kernel/decode.hpp"
#include "collector/kernel/iterator.hpp"
#include "collector/kernel/network.hpp"
#include "collector/kernel/probes_state.hpp"
#include "collector/kernel/tables.hpp"
#include "collector/process/process.hpp"
#include "core/clock.hpp"

namespace fanlight::kernel {
namespace {

constexpr const char* kSourceNames[] = {"on-cpu samples", "blocked samples",  "socket samples", "map samples",
                                        "thread ends",    "registry samples", "waker samples",  "fault samples"};
static_assert(std::size(kSourceNames) == FANLIGHT_SOURCES, "each source has its line in the ledger");

void note(std::map<std::string, std::uint64_t>& missed, const std::string& cause, std::uint64_t count) {
  if (count > 0) missed[cause] += count;
}

}  // namespace

Result<Reading> Probes::read() {
  State& state = *state_;
  state.follow_maps();
  state.update_forms();
  Reading reading;
  if (state.thread_iterator)
    if (Result<> read = state.read_threads(); !read) return within("read threads", std::move(read.error()));
  if (state.connection_iterator)
    if (Result<> read = state.read_connections(); !read) return within("read connections", std::move(read.error()));

  if (Result<> drained = state.drain(); !drained) return std::unexpected(drained.error());
  const auto before = state.waiting;
  std::array<Counted, FANLIGHT_SOURCES> counted;
  for (std::size_t source = 0; source < FANLIGHT_SOURCES; ++source)
    counted[source] = snapshot(state.loaded.skeleton->bss->accounts[source]);
  if (Result<> drained = state.drain(); !drained) return std::unexpected(drained.error());

  if (state.thread_iterator) state.claim_socket_errors();

  // A thread that has ended is told once, by its last record.
  for (ThreadReading& end : state.ends) {
    const auto live = state.live.find(end.tid);
    // The same number may live again already.
    if (live != state.live.end() && live->second.reading.from_ns == end.from_ns) {
      state.live.erase(live);
      state.last_stacks.erase(end.tid);
    }
    reading.threads.push_back(std::move(end));
  }
  const auto ended_in_all = static_cast<std::int64_t>(state.waiting[FANLIGHT_SOURCE_THREAD_END]);
  state.ends.clear();
  state.delivered[FANLIGHT_SOURCE_THREAD_END] += std::exchange(state.waiting[FANLIGHT_SOURCE_THREAD_END], 0);
  for (const auto& [tid, live] : state.live) reading.threads.push_back(live.reading);
  state.pace_samples(reading.threads);

  for (std::size_t source = 0; source < FANLIGHT_SOURCES; ++source) {
    Received received{.delivered = state.delivered[source], .malformed = state.malformed[source]};
    const auto at_snapshot = static_cast<std::int64_t>(before[source]);
    if (source == FANLIGHT_SOURCE_THREAD_END) {
      received.waiting_min = at_snapshot - ended_in_all;
      received.waiting_max = 0;
    } else {
      received.waiting_min = at_snapshot;
      received.waiting_max = static_cast<std::int64_t>(state.waiting[source]);
    }
    reading.ledger.push_back(close_account(kSourceNames[source], counted[source], received));
  }
  reading.maps = read_operations(state.loaded.skeleton->maps.operations);
  reading.registries = read_registries(state.loaded.skeleton->maps.registries);
  if (state.thread_iterator) {
    reading.locks = read_locks(state.loaded.skeleton->maps.locks);
    reading.preemptions = read_preemptions(state.loaded.skeleton->maps.preemptions);
  }
  if (state.connection_iterator) {
    reading.connections = state.connections.readings();
    reading.metrics = network_metrics(state.loaded.skeleton->bss->network, reading.connections);
  }
  state.pace_fault_samples();
  for (MetricReading& metric : read_signals(state.loaded.skeleton->maps.signals))
    reading.metrics.push_back(std::move(metric));
  if (!state.map_links.empty() && state.has(Probe::map_state)) {
    auto states = state.read_map_states();
    if (states)
      reading.map_states = std::move(*states);
    else
      state.refuse(Probe::map_state, states.error().what);
  }
  reading.programs = state.program_costs(reading.ledger);
  if (state.timeline) {
    reading.timeline = std::exchange(state.events, {});
    std::ranges::stable_sort(reading.timeline, {}, &TimelineReading::time_ns);
    reading.ledger.push_back(state.timeline->ledger());
  }
  reading.time_ns = monotonic_ns();
  return reading;
}

Result<> Probes::State::read_connections() {
  // A pass looks at every open file of the target. Of thousands of them it takes ms, and is not made each second.
  constexpr std::uint64_t kPause = 250;  // times what the pass took
  const std::uint64_t began = monotonic_ns();
  if (began < connections_due_ns) return {};
  if (Result<> ran = run_iterator(connection_iterator.get(), pass); !ran) return ran;
  connections.take(pass);
  connections_due_ns = began + kPause * (monotonic_ns() - began);
  return {};
}

Result<> Probes::State::read_threads() {
  std::set<pid_t> found;
  // A pass ends early when the thread it stands at dies. Again then; what is left out after that keeps its last
  // reading.
  for (int attempt = 0; attempt < 4; ++attempt) {
    if (Result<> ran = run_iterator(thread_iterator.get(), pass); !ran) return ran;
    std::size_t seen = 0;
    std::size_t siblings = 0;
    bool torn_any = false;
    for (std::span<const std::byte> left(pass); !left.empty();) {
      const Result<std::size_t> size = thread_bytes(left);
      if (!size) return std::unexpected(size.error());
      Result<ThreadRecord> decoded = decode_thread(left.first(*size));
      if (!decoded) return std::unexpected(decoded.error());
      left = left.subspan(*size);
      ++seen;
      siblings = decoded->siblings;
      if (decoded->torn) {
        torn_any = true;
        ++torn;
        continue;
      }
      if (decoded->reading.ended) continue;  // its end is told by its own record
      const pid_t tid = decoded->reading.tid;
      found.insert(tid);
      live[tid] = {std::move(decoded->reading), 0};
    }
    // A pass over all processes does not end early.
    if ((seen >= siblings || options.several()) && !torn_any) break;
  }
  for (auto entry = live.begin(); entry != live.end();) {
    // On its way out a thread cannot be found any more and is not dead yet. Twice: its end got lost.
    const bool gone = !found.contains(entry->first) && ++entry->second.missed > 1;
    if (gone) last_stacks.erase(entry->first);
    entry = gone ? live.erase(entry) : std::next(entry);
  }
  if (options.several()) follow_processes();
  return {};
}

void Probes::State::follow_processes() {
  std::set<pid_t> now;
  for (const auto& [tid, thread] : live) now.insert(thread.reading.pid);
  if (unwinding) {
    for (const pid_t pid : now)
      if (!processes.contains(pid)) unwinding->look_at(pid);
    for (const pid_t pid : processes)
      if (!now.contains(pid)) unwinding->forget(pid);
  }
  processes = std::move(now);
}

std::uint32_t Probes::State::Pace::one_in(std::uint64_t events, std::uint64_t now_ns, std::uint64_t stacks_per_second) {
  // Stacks enough to say where events come from, at a cost per event that falls as their number grows.
  constexpr std::uint64_t kMostPerStack = 1u << 16;
  if (last_ns != 0 && now_ns > last_ns && events >= last_events) {
    const double rate = static_cast<double>(events - last_events) * 1e9 / static_cast<double>(now_ns - last_ns);
    const auto wanted = static_cast<std::uint64_t>(rate / static_cast<double>(stacks_per_second));
    chosen = static_cast<std::uint32_t>(std::bit_ceil(std::clamp<std::uint64_t>(wanted, 1, kMostPerStack)));
  }
  last_events = events;
  last_ns = now_ns;
  return chosen;
}

void Probes::State::pace_samples(const std::vector<ThreadReading>& threads) {
  std::uint64_t writes = 0, wakeups = 0, switches = 0;
  for (const ThreadReading& thread : threads) {
    (thread.ended ? ended_writes : writes) += thread.socket.writes;
    (thread.ended ? ended_wakeups : wakeups) += thread.wakeups;
    (thread.ended ? ended_switches : switches) += thread.switches_voluntary + thread.switches_preempted;
  }
  const std::uint64_t now = monotonic_ns();
  loaded.skeleton->data->socket_one_in = socket_pace.one_in(writes + ended_writes, now);
  loaded.skeleton->data->wake_one_in = wake_pace.one_in(wakeups + ended_wakeups, now);
  loaded.skeleton->data->switch_one_in =
      switch_pace.one_in(switches + ended_switches, now, std::max(options.waits_per_second, 1u));
}

void Probes::State::claim_socket_errors() {
  std::map<Life, ThreadReading*> owners;
  for (auto& [tid, alive] : live) owners[{tid, alive.reading.from_ns}] = &alive.reading;
  for (ThreadReading& end : ends) owners[{end.tid, end.from_ns}] = &end;
  const bpf_map* table = loaded.skeleton->maps.socket_errors;
  std::set<Life> without;
  for (const SocketErrorRow& row : read_socket_errors(table)) {
    const Life life{static_cast<pid_t>(row.key.tid), row.key.from_ns};
    const auto owner = owners.find(life);
    if (owner != owners.end()) {
      owner->second->socket.by_errno[static_cast<int>(row.key.number)] = row.count;
      if (owner->second->ended) forget_socket_error(table, row.key);
    } else if (unclaimed.contains(life)) {
      unclaimed_errors += row.count;
      forget_socket_error(table, row.key);
    } else {
      // Once: it was born after the pass over the threads. Twice: its end got lost.
      without.insert(life);
    }
  }
  unclaimed = std::move(without);
}

Result<std::vector<MapState>> Probes::State::read_map_states() {
  if (!map_iterator) {
    bpf_program* const program = loaded.program(loaded.hook(Probe::map_state).programs.front());
    map_iterator.reset(bpf_program__attach_iter(program, nullptr));
    if (!map_iterator) return fail(errno, "attach the iterator over BPF maps");
  }
  if (Result<> ran = run_iterator(map_iterator.get(), pass); !ran) return std::unexpected(ran.error());
  std::vector<MapState> states = decode_map_states(pass);
  std::set<pid_t> pids = processes;
  if (options.pid != 0 && !started_as_copy) pids.insert(options.pid);
  std::set<std::uint32_t> held;
  for (const pid_t pid : pids)
    for (const std::uint32_t id : process::bpf_maps(pid)) held.insert(id);
  std::erase_if(states, [&](const MapState& one) { return !held.contains(one.map_id); });
  return states;
}

void Probes::State::pace_fault_samples() {
  // A stack costs some microseconds: so many a window, whatever the number of faults.
  constexpr std::uint64_t kStacksPerWindow = 20;
  const std::uint64_t seen = loaded.skeleton->bss->faults_seen;
  const std::uint64_t one_in = (seen - std::exchange(faults_seen, seen)) / kStacksPerWindow;
  loaded.skeleton->data->fault_one_in =
      static_cast<__u32>(std::bit_ceil(std::clamp<std::uint64_t>(one_in, 1, 1u << 16)));
}

void Probes::follow_labels(const LabelAccess& access) {
  fanlight_label_access& told = state_->loaded.skeleton->bss->label_access;
  told.offset = access.offset;
  told.module = access.module;
  told.pid = static_cast<__u32>(state_->options.pid);
  // The programs look here first.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  told.enabled = 1;
}

std::span<const std::byte> Probes::label_attributes(std::uint32_t set) {
  State& state = *state_;
  auto found = state.label_sets.find(set);
  if (found == state.label_sets.end() && set != 0 && set != kLabelsBeyond) {
    for (LabelSetRow& row : read_label_sets(state.loaded.skeleton->maps.label_sets))
      state.label_sets.insert_or_assign(row.number, std::move(row.attributes));
    found = state.label_sets.find(set);
  }
  return found == state.label_sets.end() ? std::span<const std::byte>() : std::span<const std::byte>(found->second);
}

std::vector<ProgramCost> Probes::State::program_costs(Ledger& ledger) const {
  std::vector<ProgramCost> costs;
  std::map<std::string, std::uint64_t> recursion;
  for (bpf_program* const program : loaded.programs()) {
    const int fd = bpf_program__fd(program);
    if (fd < 0) continue;
    bpf_prog_info info{};
    __u32 size = sizeof info;
    if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0) continue;
    costs.push_back({bpf_program__name(program), info.run_cnt, info.run_time_ns});
    recursion[bpf_program__name(program)] = info.recursion_misses;
  }
  if (!statistics) {
    // Their names as enum fanlight_timed has them, and how many runs one that was timed stands for.
    constexpr std::array<std::pair<const char*, std::uint64_t>, FANLIGHT_TIMED_PROGRAMS> kTimed{
        {{"fl_switch", FANLIGHT_TIMED_ONE_IN},
         {"fl_waking", FANLIGHT_TIMED_ONE_IN},
         {"fl_wakeup", FANLIGHT_TIMED_ONE_IN},
         {"fl_socket", FANLIGHT_TIMED_ONE_IN},
         {"fl_cpu", 1},
         {"fl_map_exit", FANLIGHT_TIMED_ONE_IN}}};
    for (ProgramCost& cost : costs) {
      const auto timed = std::ranges::find(kTimed, cost.name, &std::pair<const char*, std::uint64_t>::first);
      if (timed == kTimed.end()) continue;
      const fanlight_self_time& own =
          loaded.skeleton->bss->self_times[static_cast<std::size_t>(timed - kTimed.begin())];
      cost.runs = own.runs * timed->second;
      cost.run_ns = own.ns * timed->second;
    }
  }
  const fanlight_misses& misses = loaded.skeleton->bss->misses;
  note(ledger[FANLIGHT_SOURCE_CPU].missed, "program was running already", recursion["fl_cpu"]);
  note(ledger[FANLIGHT_SOURCE_CPU].missed, "thread not known", misses.unknown_thread);
  note(ledger[FANLIGHT_SOURCE_BLOCKED].missed, "woke during the visit", misses.woke_meanwhile);
  note(ledger[FANLIGHT_SOURCE_SOCKET].missed, "program was running already", recursion["fl_socket"]);
  note(ledger[FANLIGHT_SOURCE_SOCKET].missed, "errno: table full", misses.errno_table_full);
  note(ledger[FANLIGHT_SOURCE_SOCKET].missed, "errno: the thread's end was lost", unclaimed_errors);
  note(ledger[FANLIGHT_SOURCE_MAP].missed, "program was running already",
       recursion["fl_map_enter"] + recursion["fl_map_exit"]);
  note(ledger[FANLIGHT_SOURCE_MAP].missed, "operation: table full", misses.map_table_full);
  note(ledger[FANLIGHT_SOURCE_MAP].missed, "registry operation: table full", misses.registry_table_full);
  note(ledger[FANLIGHT_SOURCE_FAULT].missed, "program was running already", recursion["fl_fault"]);
  // Not lost, but with callers missing.
  for (std::size_t source = 0; source < FANLIGHT_SOURCES; ++source)
    for (std::size_t end = 0; end < kStackEnds; ++end)
      if (is_cut(static_cast<StackEnd>(end)))
        note(ledger[source].missed, "callers: " + std::string(name_of(static_cast<StackEnd>(end))),
             loaded.skeleton->bss->unwind_stops[source][end]);
  LedgerEntry scheduler{.source = "scheduler"};
  for (const char* name : {"fl_switch", "fl_waking", "fl_wakeup", "fl_wakeup_new", "fl_newtask"})
    note(scheduler.missed, "program was running already", recursion[name]);
  note(scheduler.missed, "switch not told of, repaired", misses.unseen_switches);
  note(scheduler.missed, "futex wait: table full", misses.lock_table_full);
  note(scheduler.missed, "signal: table full", misses.signal_table_full);
  note(scheduler.missed, "preemption: table full", misses.preemption_table_full);
  note(scheduler.missed, "no memory for a thread", misses.no_storage);
  note(scheduler.missed, "labels: too many sets to tell apart", misses.label_sets_full);
  note(scheduler.missed, "labels: too many sets of one thread to time apart", misses.label_slots_full);
  note(scheduler.missed, "labels: not readable", misses.labels_unreadable);
  note(scheduler.missed, "labels: longer than 188 bytes, cut", misses.labels_cut);
  note(scheduler.missed, "changed while it was read", torn);
  ledger.push_back(std::move(scheduler));
  return costs;
}

}  // namespace fanlight::kernel
