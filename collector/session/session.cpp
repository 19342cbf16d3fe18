#include "collector/session/session.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "collector/inprocess/context_reader.hpp"
#include "collector/inprocess/reader.hpp"
#include "collector/inprocess/thread_variable.hpp"
#include "collector/kernel/capabilities.hpp"
#include "collector/kernel/probes.hpp"
#include "collector/process/find.hpp"
#include "collector/process/machine.hpp"
#include "collector/process/process.hpp"
#include "collector/profile/growth.hpp"
#include "collector/profile/merge.hpp"
#include "collector/session/frames.hpp"
#include "collector/session/governor.hpp"
#include "collector/session/label_names.hpp"
#include "collector/session/lives.hpp"
#include "collector/session/lock_places.hpp"
#include "collector/session/open_slice.hpp"
#include "collector/session/own_cost.hpp"
#include "collector/session/preemption_growth.hpp"
#include "collector/session/standing_out.hpp"
#include "collector/session/target_events.hpp"
#include "collector/session/waker_names.hpp"
#include "collector/symbols/kernel_symbols.hpp"
#include "core/clock.hpp"
#include "core/units.hpp"

namespace fanlight::session {
namespace {

constexpr const char* kKernelSymbols = "kernel symbols";
constexpr const char* kLabels = "labels";
constexpr const char* kThreadRecord = "otel_thread_ctx_v1";
constexpr const char* kInprocessProbe = "in-process sampler";
// Long enough for what is small or known from an earlier run; rings are not read meanwhile.
constexpr std::chrono::milliseconds kNamingPatience{100};
// Slices: programs set their sampler up when they start.
constexpr unsigned kReaderAttempts = 10;

class AttachedProbes final : public KernelHalf {
 public:
  explicit AttachedProbes(kernel::Probes probes) : probes_(std::move(probes)) {}
  Result<> poll(std::chrono::milliseconds timeout, const OnSample& on_sample) override {
    return probes_.poll(timeout, on_sample);
  }
  Result<kernel::Reading> read() override { return probes_.read(); }
  const std::vector<kernel::Form>& forms() const override { return probes_.forms(); }
  void set_effort(const kernel::Effort& effort) override { probes_.set_effort(effort); }
  std::span<const std::byte> label_attributes(std::uint32_t set) override { return probes_.label_attributes(set); }
  void follow_labels(std::int64_t offset, std::uint64_t module) override {
    probes_.follow_labels({.offset = offset, .module = module});
  }
  Result<> add(pid_t pid) override { return probes_.add(pid); }
  void started() override { probes_.started(); }

 private:
  kernel::Probes probes_;
};

std::int64_t realtime_offset_ns(std::uint64_t now_ns) {
  timespec real;
  ::clock_gettime(CLOCK_REALTIME, &real);
  return static_cast<std::int64_t>(real.tv_sec) * 1'000'000'000 + real.tv_nsec - static_cast<std::int64_t>(now_ns);
}

profile::Target target_of(const process::Process& process, const Options& options) {
  profile::Target target{
      .pid = process.pid, .name = process.name, .executable = process.executable, .sample_hz = options.sample_hz};
  utsname system{};
  if (::uname(&system) == 0) {
    target.kernel = system.release;
    target.host = system.nodename;
  }
  return target;
}

/// What a form says of an error, with its hint: nobody prints that of a part that the recording goes on without.
std::string why(const Error& error) { return error.hint.empty() ? error.what : error.what + ": " + error.hint; }

/// Either half would do, so both ways to get one are worth a word.
std::string joined(const std::string& kernel_hint, const std::string& inprocess_hint) {
  if (kernel_hint.empty() || inprocess_hint.empty() || kernel_hint == inprocess_hint) {
    return kernel_hint.empty() ? inprocess_hint : kernel_hint;
  }
  return "for the kernel probes " + kernel_hint + "; for the in-process sampler " + inprocess_hint;
}

/// Why the kernel's functions have no names; empty where they have. Looks at the first of the symbols only, since all
/// are hidden or none; those without code come first.
std::string kernel_names_missing() {
  std::ifstream file("/proc/kallsyms");
  std::string text(64 * 1024, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (const auto functions = symbols::parse_kernel_symbols(text); functions) return {};
  for (const kernel::Capability& capability : kernel::capabilities()) {
    if (capability.name != "CAP_SYSLOG" || capability.held) continue;
    return "CAP_SYSLOG is missing, kernel frames are addresses: " + kernel::how_to_grant({capability.name});
  }
  return "the kernel hides its addresses, kernel frames are addresses too: set kernel.kptr_restrict to 1 as root";
}

constexpr const char* kMinorFaults = "kernel_page_faults_minor";
constexpr const char* kMajorFaults = "kernel_page_faults_major";

Result<process::Process> described_target(const Options& options) {
  if (options.pid == 0) return process::Process{.pid = 0, .name = options.comm + options.cgroup, .executable = {}};
  auto described = process::describe(options.pid);
  if (!described || !options.held) return described;
  // Until it is let go it is a copy of ourselves.
  described->executable = options.executable;
  described->name = options.executable.substr(options.executable.rfind('/') + 1).substr(0, 15);
  return described;
}

/// Adds all that a thread did in its life.
void add_whole(profile::Thread& sums, const kernel::ThreadReading& thread) {
  if (sums.to_ns == 0) sums.from_ns = thread.from_ns;
  sums.from_ns = std::min(sums.from_ns, thread.from_ns);
  sums.to_ns = std::max(sums.to_ns, thread.to_ns);
  for (std::size_t i = 0; i < kReasons; ++i) sums.ns[i] += thread.ns[i];
  sums.switches_voluntary += thread.switches_voluntary;
  sums.switches_preempted += thread.switches_preempted;
  sums.migrations += thread.migrations;
  sums.wakeups += thread.wakeups;
  sums.run_queue_ns.merge(thread.run_queue_ns);
  profile::add(sums.socket, thread.socket);
}

profile::Metric whole_of(const kernel::MetricReading& now) {
  return {.name = now.name,
          .kind = static_cast<profile::Metric::Kind>(now.kind),
          .value = now.value,
          .histogram = now.histogram};
}

profile::Metric whole_of(const inprocess::MetricReading& now) {
  return {.name = now.name,
          .kind = static_cast<profile::Metric::Kind>(now.kind),
          .value = now.value,
          .histogram = now.histogram};
}

profile::Metric growth_of(const inprocess::MetricReading& before, const inprocess::MetricReading& now) {
  profile::Metric metric = whole_of(now);
  if (now.kind == inprocess::MetricReading::Kind::counter) {
    metric.value = now.value >= before.value ? now.value - before.value : now.value;
  }
  metric.histogram = profile::growth(before.histogram, now.histogram);
  return metric;
}

}  // namespace

struct Session::State {
  State(const Options& options_in, process::Process process_in)
      : options(options_in),
        process(std::move(process_in)),
        window(target_of(process, options), realtime_offset_ns(options.now_ns()), options.window_bytes),
        frames(options.pid, options.debuginfod ? symbols::Fetching::as_environment_says : symbols::Fetching::never),
        labels([pid = options.pid] { return inprocess::read_process_context(pid); }),
        target_events(options.pid) {}

  void take(RawSample&& sample);
  Result<> gather(std::chrono::milliseconds timeout);
  Result<> close_slice();
  void add_threads(const kernel::Reading& reading, profile::Slice& slice);
  void add_timeline(const kernel::Reading& reading, profile::Slice& slice);
  void add_inprocess(profile::Slice& slice);
  void notice_exit();
  /// Page faults, as /proc counts them.
  void add_faults(profile::Slice& slice);
  /// Does less, or more again, when what the slice cost says so.
  void govern(profile::Slice& slice);
  /// Lets the kernel half read labels as soon as the target has any.
  void follow_labels();
  void add_label_forms();
  bool anybody_left() const;
  /// Takes in who has come to be in the cgroup.
  void follow_cgroup();
  void find_reader();
  profile::Machine machine_growth();

  Options options;
  process::Process process;
  profile::Window window;
  mutable std::mutex lock;  // over `window`; only the driving thread writes
  Frames frames;
  Lives lives;
  LockPlaces lock_places;
  WakerNames waker_names;
  PreemptionGrowth preemptions;
  LabelNames labels;
  std::string labels_in;       // the file with the thread-local variable; empty: not found yet
  std::string labels_missing;  // why not, where the target has keys
  std::uint64_t last_beyond = 0;
  TargetEvents target_events;
  OpenSlice open;
  std::unique_ptr<KernelHalf> probes;
  std::optional<inprocess::Reader> reader;
  kernel::Reading last_reading;
  std::map<pid_t, kernel::ThreadReading> last_threads;  // those alive
  profile::Thread ended{.name = "(ended threads)"};     // the sums of the others
  std::map<std::string, inprocess::MetricReading> last_metrics;
  LedgerEntry last_inprocess_ledger;
  OwnUsage last_usage;
  std::optional<process::PageFaults> first_faults;  // at attach
  process::PageFaults last_faults;
  std::optional<Governor> governor;
  process::Machine last_machine;
  std::vector<profile::Event> events;
  std::string inprocess_missing;     // why there is no reader
  std::string kernel_names_missing;  // why kernel frames have no names
  std::uint64_t attached_ns = 0;
  std::uint64_t slice_from_ns = 0;
  bool alive = true;
  bool several = false;          // threads of another process than the first have been seen
  unsigned reader_attempts = 0;  // to find the sampler inside a target that was started a moment ago
};

void Session::State::take(RawSample&& sample) {
  const std::lock_guard held(lock);
  profile::Tables& tables = window.tables();
  const profile::StackId stack =
      frames.intern(sample, tables, sample.sampler == Sampler::wakeup ? waker_names.of(sample.waker, tables) : "");
  lock_places.take(sample, stack);
  open.add(sample, lives.of_sample(sample.tid, tables), stack, labels.of(sample, probes.get(), tables));
}

Result<> Session::State::gather(std::chrono::milliseconds timeout) {
  const auto on_sample = [this](RawSample&& sample) { take(std::move(sample)); };
  if (probes) {
    if (const auto done = probes->poll(timeout, on_sample); !done) return std::unexpected(done.error());
  } else {
    std::this_thread::sleep_for(timeout);
  }
  if (options.inprocess) target_events.drain();
  if (reader) {
    if (const auto done = reader->drain(on_sample); !done) {
      // The target tore its side down or wrote nonsense; what was read stays, and the kernel's half goes on.
      inprocess_missing = why(done.error());
      events.push_back({options.now_ns(), "in-process sampler lost: " + inprocess_missing});
      reader.reset();
    }
  }
  return {};
}

void Session::State::add_threads(const kernel::Reading& reading, profile::Slice& slice) {
  profile::Tables& tables = window.tables();
  std::vector<const kernel::ThreadReading*> order;
  for (const kernel::ThreadReading& thread : reading.threads) order.push_back(&thread);
  // Where a tid was reused within the slice, the life that ended comes first.
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->ended && !b->ended; });
  for (const kernel::ThreadReading& thread : reading.threads) several = several || thread.pid != process.pid;
  for (const kernel::ThreadReading* now : order) {
    const auto before = last_threads.find(now->tid);
    const bool known = before != last_threads.end() && profile::same_life(before->second, *now);
    const kernel::ThreadReading grown = known ? profile::growth(before->second, *now) : *now;
    const profile::ThreadId life = lives.of_reading(now->tid, now->from_ns, now->name, tables);
    if (several) tables.set_process(life, now->pid);
    slice.threads.push_back({.thread = life,
                             .from_ns = grown.from_ns,
                             .to_ns = grown.to_ns,
                             .ended = now->ended,
                             .ns = grown.ns,
                             .switches_voluntary = grown.switches_voluntary,
                             .switches_preempted = grown.switches_preempted,
                             .migrations = grown.migrations,
                             .wakeups = grown.wakeups,
                             .run_queue_ns = grown.run_queue_ns,
                             .socket = grown.socket});
    for (const auto& [set, ns] : grown.label_ns) {
      const profile::LabelsId id = labels.of_set(set, *probes, tables);
      // Two sets of bytes may say the same.
      const auto same = std::find_if(slice.label_times.begin(), slice.label_times.end(), [&](const auto& row) {
        return row.thread == slice.threads.back().thread && row.labels == id;
      });
      if (id == 0 || profile::sum(ns) == 0) continue;
      const profile::LabelTime time{slice.threads.back().thread, id, ns};
      if (same == slice.label_times.end())
        slice.label_times.push_back(time);
      else
        profile::add(*same, time);
    }
    if (now->ended) {
      add_whole(ended, *now);
      lives.ended(now->tid);
      last_threads.erase(now->tid);
    } else {
      last_threads.insert_or_assign(now->tid, *now);
    }
  }
}

void Session::State::add_timeline(const kernel::Reading& reading, profile::Slice& slice) {
  slice.timeline.reserve(reading.timeline.size());
  for (const kernel::TimelineReading& row : reading.timeline) {
    slice.timeline.push_back({.time_ns = row.time_ns,
                              .thread = lives.of_sample(row.tid, window.tables()),
                              .kind = row.kind,
                              .reason = row.reason,
                              .cpu = row.cpu,
                              .waker = row.waker});
  }
}

void Session::State::add_inprocess(profile::Slice& slice) {
  if (!reader) return;
  const std::lock_guard held(lock);
  for (inprocess::MetricReading& now : reader->metrics()) {
    inprocess::MetricReading& before = last_metrics[now.name];
    slice.metrics.push_back(growth_of(before, now));
    before = std::move(now);
  }
  LedgerEntry now = reader->ledger();
  slice.ledger.push_back(profile::growth(last_inprocess_ledger, now));
  last_inprocess_ledger = std::move(now);
}

void Session::State::add_faults(profile::Slice& slice) {
  const auto now = process::page_faults(process.pid);
  if (!now || !first_faults) return;
  using Kind = profile::Metric::Kind;
  // A process that has become a zombie counts no more.
  const auto add = [&](const char* name, std::uint64_t before, std::uint64_t after) {
    if (after > before) slice.metrics.push_back({name, Kind::counter, static_cast<double>(after - before), {}});
  };
  add(kMinorFaults, last_faults.minor, now->minor);
  add(kMajorFaults, last_faults.major, now->major);
  last_faults = *now;
}

void Session::State::govern(profile::Slice& slice) {
  const std::uint64_t took_ns = slice.to_ns - slice.from_ns;
  if (!governor || !probes || took_ns < 100'000'000) return;
  std::uint64_t cost_ns = slice.cost.cpu_ns;
  for (const kernel::ProgramCost& program : slice.cost.programs) {
    // Iterators run in our own reads, so they are in our own CPU time already.
    if (!kernel::runs_in_collector(program.name)) cost_ns += program.run_ns;
  }
  const auto change = governor->observe(static_cast<double>(cost_ns) / static_cast<double>(took_ns));
  if (!change) return;
  probes->set_effort(change->effort);
  window.target().forms = probes->forms();
  slice.events.push_back({slice.to_ns, change->sentence, profile::Event::Kind::governor});
}

Result<> Session::State::close_slice() {
  profile::Slice slice{.from_ns = slice_from_ns};
  std::optional<kernel::Reading> reading;
  if (probes) {
    auto read = probes->read();
    if (!read) return within("read totals", read.error());
    reading = std::move(*read);
  }
  slice.to_ns = options.now_ns();
  // Before anything that takes time: what is counted must belong to the slice's own stretch of it.
  add_inprocess(slice);
  add_faults(slice);
  frames.name_new(window.tables(), lock, kNamingPatience);
  follow_labels();
  // Without kernel probes nothing else tells the threads' names. Those of a target that is gone stay as they were.
  std::vector<process::ThreadName> names;
  if (auto read = probes ? Result<std::vector<process::ThreadName>>() : process::threads(process.pid); read) {
    names = std::move(*read);
  }

  follow_cgroup();
  const std::lock_guard held(lock);
  if (reading) {
    // While a tid means whom it meant then.
    add_timeline(*reading, slice);
    slice.preemptions =
        preemptions.growth(reading->preemptions, [&](pid_t tid) { return lives.of_sample(tid, window.tables()); });
    add_threads(*reading, slice);
    profile::Growth grown = profile::growth(last_reading, *reading);
    slice.maps = std::move(grown.maps);
    slice.registries = std::move(grown.registries);
    slice.map_states = reading->map_states;
    slice.connections = standing_out(std::move(grown.connections));
    for (const kernel::MetricReading& metric : grown.metrics) slice.metrics.push_back(whole_of(metric));
    slice.locks = lock_places.growth(reading->locks, reading->threads, window.tables());
    slice.ledger.insert(slice.ledger.begin(), grown.ledger.begin(), grown.ledger.end());
    slice.cost.programs = std::move(grown.programs);
    if (labels.beyond() > last_beyond) {
      for (LedgerEntry& entry : slice.ledger) {
        if (entry.source != "scheduler") continue;
        entry.missed["labels: too many sets to name apart"] += labels.beyond() - last_beyond;
      }
      last_beyond = labels.beyond();
    }
    last_reading = std::move(*reading);
    window.target().forms = probes->forms();
    if (!kernel_names_missing.empty()) window.target().forms.push_back({kKernelSymbols, "none", kernel_names_missing});
    if (!reader) window.target().forms.push_back({kInprocessProbe, "none", inprocess_missing});
    window.target().forms.push_back(frames.source_form());
    add_label_forms();
  }
  for (const process::ThreadName& thread : names) lives.name(thread.tid, thread.name, window.tables());
  if (options.inprocess) target_events.close_slice(slice, slice.registries.empty());
  slice.samples = open.take_rows();
  slice.events = std::exchange(events, {});
  const OwnUsage usage = own_usage();
  slice.cost.cpu_ns = usage.cpu_ns - last_usage.cpu_ns;
  slice.cost.resident_bytes = usage.resident_bytes;
  last_usage = usage;
  slice.machine = machine_growth();
  govern(slice);
  // The kernel's window opened while we were still attaching.
  if (slice.from_ns == attached_ns) {
    for (const profile::ThreadSlice& thread : slice.threads) slice.from_ns = std::min(slice.from_ns, thread.from_ns);
  }
  slice_from_ns = slice.to_ns;
  window.append(std::move(slice));
  if (options.held && options.inprocess && !reader && reader_attempts++ < kReaderAttempts) find_reader();
  return {};
}

void Session::State::follow_labels() {
  const std::lock_guard held(lock);
  if (!labels.refresh() || !probes || !labels_in.empty()) return;
  const auto variable = inprocess::find_thread_variable(process.pid, kThreadRecord);
  if (!variable) {
    labels_missing = why(variable.error());
    return;
  }
  labels_in = variable->where;
  probes->follow_labels(variable->offset, variable->module);
}

void Session::State::add_label_forms() {
  std::vector<kernel::Form>& forms = window.target().forms;
  if (!labels_in.empty())
    forms.push_back({kLabels, kThreadRecord, ""});
  else if (!labels_missing.empty())
    forms.push_back({kLabels, "none", labels_missing});
}

profile::Machine Session::State::machine_growth() {
  const auto now = process::machine();
  if (!now) return {};
  const process::Machine before = std::exchange(last_machine, *now);
  const auto grown = [](std::uint64_t was, std::uint64_t is) { return is - std::min(was, is); };
  return {grown(before.interrupts_ns, now->interrupts_ns), grown(before.soft_interrupts_ns, now->soft_interrupts_ns),
          grown(before.stolen_ns, now->stolen_ns)};
}

void Session::State::find_reader() {
  auto found = inprocess::Reader::open(process.pid);
  if (!found) return;
  reader.emplace(std::move(*found));
  // All that it counted, it counted since it was started.
  inprocess_missing.clear();
}

bool Session::State::anybody_left() const {
  if (!options.comm.empty() || !options.cgroup.empty() || process::alive(process)) return true;
  if (options.held) return false;
  for (const pid_t pid : options.others)
    if (process::describe(pid)) return true;
  // Children: those that the last reading found.
  return options.children && std::ranges::any_of(last_threads, [](const auto& entry) {
           return entry.second.pid != 0 && process::describe(entry.second.pid).has_value();
         });
}

void Session::State::follow_cgroup() {
  if (options.cgroup.empty() || !probes) return;
  const auto inside = process::processes_in(options.cgroup);
  if (!inside) return;  // removed: nobody is in there any more
  for (const pid_t pid : *inside) {
    const bool known = std::ranges::any_of(last_threads, [&](const auto& entry) { return entry.second.pid == pid; });
    if (!known && pid != ::getpid()) (void)probes->add(pid);
  }
}

void Session::State::notice_exit() {
  if (!alive || anybody_left()) return;
  alive = false;
  const double seen_ns = static_cast<double>(options.now_ns() - attached_ns);
  events.push_back({options.now_ns(), "the target exited; it was watched for " + format_ns(seen_ns)});
}

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Result<Session> Session::attach(const Options& options) { return attach(options, nullptr); }

Result<Session> Session::attach(const Options& options, std::unique_ptr<KernelHalf> kernel) {
  auto described = described_target(options);
  if (!described) return std::unexpected(described.error());
  auto state = std::make_unique<State>(options, std::move(*described));
  std::vector<kernel::Form>& forms = state->window.target().forms;
  Error kernel_error{.what = "kernel probes were switched off"};
  if (kernel) {
    state->probes = std::move(kernel);
    forms = state->probes->forms();
  } else if (options.kernel) {
    auto probes = kernel::Probes::attach({.pid = options.pid,
                                          .others = options.others,
                                          .children = options.children,
                                          .from_exec = options.held,
                                          .executable = options.executable,
                                          .comm = options.comm,
                                          .joinable = !options.cgroup.empty(),
                                          .sample_hz = options.sample_hz,
                                          .ring_bytes = options.ring_bytes,
                                          .timeline = options.trace,
                                          .listen = options.events,
                                          .program_stats = options.program_stats});
    if (probes) {
      state->probes = std::make_unique<AttachedProbes>(std::move(*probes));
      forms = state->probes->forms();
      state->kernel_names_missing = kernel_names_missing();
    } else {
      kernel_error = probes.error();
    }
  }
  if (!state->probes) forms.push_back({"kernel probes", "none", why(kernel_error)});
  Error inprocess_error{.what = "the in-process sampler was switched off"};
  if (options.held) {
    inprocess_error.what = "the target set none up when it started";
  } else if (options.pid == 0) {
    inprocess_error.what = "there is no process yet";
  } else if (options.inprocess) {
    auto reader = inprocess::Reader::open(options.pid);
    if (reader) {
      state->reader.emplace(std::move(*reader));
    } else {
      inprocess_error = reader.error();
    }
  }
  state->inprocess_missing = why(inprocess_error);
  if (!state->kernel_names_missing.empty()) forms.push_back({kKernelSymbols, "none", state->kernel_names_missing});
  if (!state->reader) forms.push_back({kInprocessProbe, "none", why(inprocess_error)});
  if (!state->probes && !state->reader) {
    // One cause, whoever met it.
    if (kernel_error.code == ESRCH && inprocess_error.code == ESRCH) return std::unexpected(kernel_error);
    if (kernel_error.code == EMFILE || inprocess_error.code == EMFILE)
      return fail(0, kernel_error.what, "this process may not open enough files: ulimit -n 1024");
    return fail(0, kernel_error.what + "; " + inprocess_error.what, joined(kernel_error.hint, inprocess_error.hint));
  }
  state->follow_labels();
  state->add_label_forms();
  state->attached_ns = state->options.now_ns();
  state->slice_from_ns = state->attached_ns;
  state->last_usage = own_usage();
  if (const auto faults = process::page_faults(options.pid)) {
    state->first_faults = *faults;
    state->last_faults = *faults;
  }
  if (options.budget > 0) state->governor.emplace(options.budget);
  state->machine_growth();
  if (state->reader) {
    for (inprocess::MetricReading& metric : state->reader->metrics())
      state->last_metrics[metric.name] = std::move(metric);
    state->last_inprocess_ledger = state->reader->ledger();
  }
  return Session(std::move(state));
}

void Session::started() {
  State& state = *state_;
  if (state.probes) state.probes->started();
  state.slice_from_ns = state.attached_ns = state.options.now_ns();
}

Result<bool> Session::step(std::chrono::milliseconds timeout) {
  State& state = *state_;
  if (!state.alive) {
    std::this_thread::sleep_for(timeout);
    return false;
  }
  const std::uint64_t due_ns =
      state.slice_from_ns + static_cast<std::uint64_t>(std::chrono::nanoseconds(state.options.slice).count());
  const std::uint64_t now_ns = state.options.now_ns();
  const auto left = std::chrono::nanoseconds(now_ns < due_ns ? due_ns - now_ns : 0);
  if (const auto done = state.gather(std::min(timeout, std::chrono::ceil<std::chrono::milliseconds>(left))); !done) {
    return std::unexpected(done.error());
  }
  state.notice_exit();
  if (state.alive && state.options.now_ns() < due_ns) return false;
  if (const auto done = flush(); !done) return std::unexpected(done.error());
  return true;
}

Result<> Session::flush() {
  State& state = *state_;
  if (const auto done = state.gather(std::chrono::milliseconds(0)); !done) return done;
  return state.close_slice();
}

bool Session::settle_names(std::chrono::milliseconds patience) {
  return state_->frames.name_new(state_->window.tables(), state_->lock, patience);
}

std::chrono::nanoseconds Session::open_time() const {
  const std::uint64_t now_ns = state_->options.now_ns();
  return std::chrono::nanoseconds(now_ns - std::min(now_ns, state_->slice_from_ns));
}
bool Session::target_alive() const { return state_->alive; }
const profile::Window& Session::window() const { return state_->window; }

profile::Profile Session::query(std::uint64_t from_ns, std::uint64_t to_ns) const {
  const std::lock_guard held(state_->lock);
  return state_->window.query(from_ns, to_ns);
}

profile::Profile Session::since_attach() const {
  const State& state = *state_;
  const std::lock_guard held(state.lock);
  profile::Profile profile{.target = state.window.target(),
                           .from_ns = state.attached_ns,
                           .to_ns = state.slice_from_ns,
                           .realtime_offset_ns = state.window.realtime_offset_ns(),
                           .maps = state.last_reading.maps,
                           .map_states = state.last_reading.map_states,
                           .connections = standing_out(state.last_reading.connections),
                           .registries = state.last_reading.registries,
                           .ledger = state.last_reading.ledger,
                           .cost = {.cpu_ns = state.last_usage.cpu_ns,
                                    .resident_bytes = state.last_usage.resident_bytes,
                                    .programs = state.last_reading.programs}};
  for (const auto& [tid, thread] : state.last_threads) {
    profile.threads.push_back({.tid = tid,
                               .name = thread.name,
                               .from_ns = thread.from_ns,
                               .to_ns = thread.to_ns,
                               .ns = thread.ns,
                               .switches_voluntary = thread.switches_voluntary,
                               .switches_preempted = thread.switches_preempted,
                               .migrations = thread.migrations,
                               .wakeups = thread.wakeups,
                               .run_queue_ns = thread.run_queue_ns,
                               .socket = thread.socket});
  }
  if (state.first_faults) {
    const auto whole = [&](const char* name, std::uint64_t count) {
      profile.metrics.push_back({name, profile::Metric::Kind::counter, static_cast<double>(count), {}});
    };
    whole(kMinorFaults, state.last_faults.minor - state.first_faults->minor);
    whole(kMajorFaults, state.last_faults.major - state.first_faults->major);
  }
  if (state.ended.to_ns > 0) profile.threads.push_back(state.ended);
  for (const auto& [name, metric] : state.last_metrics) profile.metrics.push_back(whole_of(metric));
  for (const kernel::MetricReading& metric : state.last_reading.metrics) profile.metrics.push_back(whole_of(metric));
  if (state.reader) profile.ledger.push_back(state.last_inprocess_ledger);
  return profile;
}

}  // namespace fanlight::session
