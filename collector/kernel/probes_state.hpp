// What `Probes` is made of. Private to its three sources: attaching, polling, reading.
#pragma once

#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "collector/kernel/account.hpp"
#include "collector/kernel/connections.hpp"
#include "collector/kernel/handles.hpp"
#include "collector/kernel/loader.hpp"
#include "collector/kernel/perf_events.hpp"
#include "collector/kernel/probes.hpp"
#include "collector/kernel/timeline.hpp"
#include "collector/kernel/timing.hpp"
#include "collector/kernel/unwinding.hpp"
#include "core/fd.hpp"

namespace fanlight::kernel {

using Clock = std::chrono::steady_clock;

struct Probes::State {
  Options options;
  Fd statistics;  // while it is open the kernel times every program
  Loaded loaded;
  std::unique_ptr<Unwinding> unwinding;  // none: stacks are walked by frame pointers
  RingPtr rings;
  std::vector<LinkPtr> links;  // after `loaded`, so that programs detach before their maps go
  std::vector<LinkPtr> socket_links;
  LinkPtr registry_link;
  CpuEvents timers;
  CpuEvents fault_events;
  std::vector<LinkPtr> map_links;
  std::vector<LinkPtr> timing_links;
  std::optional<Timeline> timeline;  // since it was asked for the first time
  std::vector<TimelineReading> events;
  LinkPtr thread_iterator;
  LinkPtr visit_iterator;
  LinkPtr connection_iterator;
  LinkPtr map_iterator;
  std::vector<Form> forms;
  std::uint64_t started_ns = 0;  // 0: still attaching
  bool started_as_copy = false;  // the target is a copy of ourselves that waits to become a program
  bool followed_maps = false;    // at some moment, maybe no longer
  std::string maps_late;         // what the map probe was attached too late for; empty: nothing

  // What came out of the rings and waits to be handed over.
  std::vector<RawSample> samples;
  std::vector<ThreadReading> ends;
  std::array<std::uint64_t, FANLIGHT_SOURCES> waiting{};    // of `samples` and `ends`, by source
  std::array<std::uint64_t, FANLIGHT_SOURCES> delivered{};  // handed over
  std::array<std::uint64_t, FANLIGHT_SOURCES> malformed{};
  std::uint64_t torn = 0;

  /// Which share of events of one kind has its stack taken, by how many there were since the last reading.
  struct Pace {
    std::uint64_t last_events = 0;
    std::uint64_t last_ns = 0;
    std::uint32_t chosen = 64;
    std::uint32_t one_in(std::uint64_t events, std::uint64_t now_ns, std::uint64_t per_second = 200);
  };
  Pace socket_pace;
  Pace wake_pace;
  Pace switch_pace{.chosen = 1};
  std::uint64_t ended_writes = 0;  // to sockets, of threads that have ended
  std::uint64_t ended_wakeups = 0;
  std::uint64_t ended_switches = 0;

  struct Stacks {
    std::vector<std::uint64_t> kernel;
    std::vector<std::uint64_t> user;
    std::vector<FrameFound> found;
    StackEnd end = StackEnd::unknown;
    bool truncated = false;
    std::uint64_t lock = 0;  // of a wait that was told of as it began
  };
  void remember(const RawSample& sample);
  void recall(RawSample& sample);
  std::unordered_map<std::uint32_t, std::vector<std::byte>> label_sets;  // by number
  std::unordered_map<pid_t, Stacks>
      last_stacks;              // of the threads visited or gone to wait, for those that have not moved since
  std::vector<std::byte> pass;  // room for one pass of an iterator
  Clock::time_point next_visit;
  std::uint64_t last_visit_ns = 0;
  std::minstd_rand random{std::random_device{}()};

  struct Live {
    ThreadReading reading;
    unsigned missed = 0;  // readings in a row that did not find it
  };
  std::map<pid_t, Live> live;
  std::set<pid_t> processes;  // those of `live`, at the last reading

  using Life = std::pair<pid_t, std::uint64_t>;  // tid and birth
  std::set<Life> unclaimed;                      // rows of failed writes that no thread of the last reading owned
  std::uint64_t unclaimed_errors = 0;            // failed writes in such rows that were given up

  Connections connections;
  std::uint64_t connections_due_ns = 0;  // the next pass over them
  std::optional<TimingWindows> windows;  // of write timing and page faults
  std::uint64_t faults_seen = 0;         // in windows, until the last reading
  Effort effort;

  bool has(Probe probe) const { return loaded.has(probe); }
  /// Leaves a probe out from now on and says why in its form.
  void refuse(Probe probe, std::string why);

  Result<> attach();
  Result<> attach_programs(Probe probe, std::vector<LinkPtr>& into);
  Result<> select_target();
  Result<> select_process(pid_t pid);
  /// Over the one process, or over all, of which the programs take what is watched.
  Result<LinkPtr> attach_iterator(bpf_program* program);
  /// Tells the unwinding of processes that have come and gone.
  void follow_processes();
  Result<> start_threads();
  void attach_registry();
  void attach_network();
  void attach_faults();
  /// Opens or closes a window in which writes are timed and page faults sampled, when that is due.
  void step_windows();
  void follow_maps();
  void update_forms();

  /// Takes in all that the rings hold. Errors: of libbpf.
  Result<> drain();
  Result<> visit();
  void schedule_visit();
  void take_sample(std::span<const std::byte> record);
  void take_end(std::span<const std::byte> record);
  void hand_over(const OnSample& on_sample);

  Result<> read_connections();
  /// Of the maps that the target holds. Errors: of the iterator.
  Result<std::vector<MapState>> read_map_states();
  void pace_fault_samples();
  Result<> read_threads();
  /// Sets which share of the socket writes and wake-ups is sampled.
  void pace_samples(const std::vector<ThreadReading>& threads);
  /// Gives `live` and `ends` their failed socket writes by errno; takes out the rows of those that ended.
  void claim_socket_errors();
  std::vector<ProgramCost> program_costs(Ledger& ledger) const;
};

}  // namespace fanlight::kernel
