#include "tests/ui/fabricate.hpp"

#include <algorithm>
#include <cmath>

#include "collector/store/recording.hpp"

namespace fanlight::ui::testing {
namespace {

using profile::Frame;
using profile::FrameOrigin;

constexpr const char* kExe = "/usr/local/bin/fanlight-server";
constexpr const char* kLibc = "/usr/lib/x86_64-linux-gnu/libc.so.6";

constexpr const char* kEncode =
    "fanlight::server::encode_sse<fanlight::server::Message>(fanlight::server::Message const&, std::string&)";
constexpr const char* kForEach =
    "fanlight::server::Registry::for_each(std::string_view, std::function<void (fanlight::server::Connection&)> "
    "const&)";
constexpr const char* kReactor =
    "boost::asio::detail::epoll_reactor::run(long, "
    "boost::asio::detail::op_queue<boost::asio::detail::scheduler_operation>&)";

/// One path of calls with what it weighs in a second of one worker, in milliseconds.
struct Path {
  Sampler sampler;
  Reason reason;
  std::vector<Frame> frames;
  double ms;
};

Frame user(std::string name) { return {FrameOrigin::user, kExe, std::hash<std::string>{}(name) % 1'000'000, name}; }
Frame libc(std::string name) { return {FrameOrigin::user, kLibc, std::hash<std::string>{}(name) % 1'000'000, name}; }
Frame kernel(std::string name) {
  return {FrameOrigin::kernel, "[kernel]", 0xffffffff81000000u + std::hash<std::string>{}(name) % 1'000'000, name};
}

std::vector<Frame> below(std::vector<Frame> base, std::initializer_list<Frame> more) {
  base.insert(base.end(), more);
  return base;
}

std::vector<Path> paths() {
  const std::vector<Frame> root{libc("clone3"), libc("start_thread"), user("fanlight::server::Worker::run()")};
  const auto turn = below(root, {user("fanlight::server::Worker::turn(std::chrono::milliseconds)")});
  const auto heavy = below(turn, {user("heavy")});
  const auto flush = below(heavy, {user("fanlight::server::Outbox::flush(int)"), libc("writev")});
  const auto tcp = below(
      flush, {kernel("do_syscall_64"), kernel("__x64_sys_writev"), kernel("sock_write_iter"), kernel("tcp_sendmsg")});
  const auto light = below(turn, {user("light")});
  const auto wait = below(root, {libc("epoll_wait"), kernel("do_syscall_64"), kernel("ep_poll")});
  return {
      {Sampler::kernel_cpu, Reason::running,
       below(tcp, {kernel("tcp_write_xmit"), kernel("__tcp_transmit_skb"), kernel("ip_queue_xmit")}), 150},
      {Sampler::kernel_cpu, Reason::running, below(tcp, {kernel("skb_copy_to_page_nocache")}), 45},
      {Sampler::kernel_cpu, Reason::running, below(heavy, {user(kEncode)}), 55},
      {Sampler::kernel_cpu, Reason::running, below(heavy, {user(kForEach)}), 30},
      {Sampler::kernel_cpu, Reason::running, below(light, {user(kReactor)}), 70},
      {Sampler::kernel_cpu, Reason::running, below(light, {libc("malloc")}), 32},
      {Sampler::kernel_cpu, Reason::running, below(light, {libc("free")}), 18},
      {Sampler::kernel_blocked, Reason::poll, wait, 430},
      {Sampler::kernel_blocked, Reason::futex, below(turn, {libc("pthread_mutex_lock"), kernel("futex_wait")}), 60},
      {Sampler::kernel_blocked, Reason::socket_send, below(tcp, {kernel("sk_stream_wait_memory")}), 40},
      {Sampler::kernel_blocked, Reason::runnable_queued, turn, 50},
      {Sampler::kernel_blocked, Reason::runnable_preempted, heavy, 20},
      {Sampler::socket_write, Reason::running, flush, 0},
      {Sampler::inprocess_cpu, Reason::running, flush, 193},
      {Sampler::inprocess_cpu, Reason::running, below(heavy, {user(kEncode)}), 57},
      {Sampler::inprocess_cpu, Reason::running, below(heavy, {user(kForEach)}), 31},
      {Sampler::inprocess_cpu, Reason::running, below(light, {user(kReactor)}), 72},
      {Sampler::inprocess_cpu, Reason::running, below(light, {libc("malloc")}), 30},
      {Sampler::inprocess_cpu, Reason::running, below(light, {libc("free")}), 17},
  };
}

void add_thread(profile::Slice& slice, profile::Tables& tables, const std::vector<Path>& all, const Fabrication& wishes,
                profile::ThreadId thread, double load) {
  profile::ThreadSlice one{.thread = thread, .from_ns = slice.from_ns, .to_ns = slice.to_ns};
  const std::uint64_t length = slice.to_ns - slice.from_ns;
  std::uint64_t used = 0;
  for (const Path& path : all) {
    profile::Stack stack;
    for (const Frame& frame : path.frames) stack.push_back(tables.frame(frame));
    const bool socket = path.sampler == Sampler::socket_write;
    const double scaled = path.reason == Reason::poll ? path.ms : path.ms * load;
    profile::SampleRow row{path.sampler, path.reason, thread, tables.stack(stack)};
    row.weight = socket ? static_cast<std::uint64_t>(9'000'000 * load) : static_cast<std::uint64_t>(scaled * 1e6);
    row.count = socket ? static_cast<std::uint64_t>(20'000 * load) : static_cast<std::uint64_t>(scaled / 10) + 1;
    slice.samples.push_back(row);
    if (socket || path.sampler == Sampler::inprocess_cpu || path.reason == Reason::poll) continue;
    one.ns[static_cast<std::size_t>(path.reason)] += row.weight;
    used += row.weight;
  }
  one.ns[static_cast<std::size_t>(Reason::poll)] = length > used ? length - used : 0;
  one.switches_voluntary = static_cast<std::uint64_t>(900 * load);
  one.switches_preempted = static_cast<std::uint64_t>(60 * load);
  one.migrations = 3;
  one.wakeups = one.switches_voluntary;
  one.run_queue_ns.add(12'000, static_cast<std::uint64_t>(800 * load));
  one.run_queue_ns.add(180'000, static_cast<std::uint64_t>(40 * load));
  one.run_queue_ns.add(2'400'000, 3);
  one.socket = {static_cast<std::uint64_t>(20'000 * load), static_cast<std::uint64_t>(9'000'000 * load),
                static_cast<std::uint64_t>(40 * load), 0};
  if (wishes.kernel)
    slice.threads.push_back(std::move(one));
  else
    slice.threads.push_back({.thread = thread, .from_ns = slice.from_ns, .to_ns = slice.to_ns});
}

void add_kernel(profile::Slice& slice, const Fabrication& wishes) {
  kernel::MapReading lookups{.map_id = 12,
                             .map_name = "routes",
                             .map_type = "hash",
                             .operation = "lookup",
                             .count = 1000,
                             .total_ns = 900'000};
  lookups.latency_ns.add(800, 950);
  lookups.latency_ns.add(4'100, 50);
  kernel::MapReading deletes{.map_id = 12,
                             .map_name = "routes",
                             .map_type = "hash",
                             .operation = "delete",
                             .count = 10,
                             .errors = 10,
                             .total_ns = 12'000};
  deletes.latency_ns.add(1'200, 10);
  slice.maps = {lookups, deletes};
  for (const char* operation : {"iterate", "insert", "remove"}) {
    kernel::RegistryReading registry{
        .registry = "per-core", .shard = 0, .operation = operation, .count = operation[1] == 't' ? 168u : 3u};
    registry.wait_ns = registry.count * 90;
    registry.hold_ns = registry.count * 41'000;
    registry.wait.add(90, registry.count);
    slice.registries.push_back(registry);
  }
  LedgerEntry samples{.source = "kernel samples", .produced = 2'000 + wishes.dropped, .delivered = 2'000};
  if (wishes.dropped > 0) samples.dropped["ring full"] = wishes.dropped;
  slice.ledger = {samples,
                  {.source = "blocked-thread visits", .produced = 820, .delivered = 820},
                  {.source = "in-process samples", .produced = 396, .delivered = 396}};
  slice.ledger[1].missed["exited before the visit"] = 2;
  slice.cost = {.cpu_ns = 11'000'000, .resident_bytes = 42u << 20};
  slice.cost.programs = {{"sched_switch", 6'400, 2'100'000},
                         {"sched_wakeup", 3'100, 600'000},
                         {"on_cpu_sample", 198, 700'000},
                         {"sock_send_length", 80'000, 8'800'000}};
}

/// Every thread's states, each change one by one: it runs, waits, is woken by its neighbour; about 100 rounds a second.
void add_timeline(profile::Slice& slice, const std::vector<profile::ThreadId>& threads) {
  using Kind = kernel::TimelineReading::Kind;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    const std::uint64_t round = 10'000'000 + i * 700'000;
    for (std::uint64_t at = slice.from_ns; at + round <= slice.to_ns; at += round) {
      const auto state = [&](std::uint64_t after, Reason reason) {
        slice.timeline.push_back({.time_ns = at + after, .thread = threads[i], .reason = reason});
      };
      state(0, Reason::running);
      state(round * 3 / 10, at % 3 == 0 ? Reason::futex : Reason::poll);
      const pid_t waker = at % 2 == 0 ? 0 : 4242 + static_cast<pid_t>((i + 1) % threads.size());
      slice.timeline.push_back({at + round * 8 / 10, threads[i], Kind::wake, Reason::running, 0, waker});
      state(round * 8 / 10, Reason::runnable_queued);
    }
  }
  std::stable_sort(slice.timeline.begin(), slice.timeline.end(),
                   [](const auto& a, const auto& b) { return a.time_ns < b.time_ns; });
}

void add_rich(profile::Slice& slice, profile::Tables& tables, const std::vector<profile::ThreadId>& threads) {
  profile::Lock lock{0x7f3000001040, "fanlight::server::hub::topics_mutex", "worker-2", 40, 90'000'000, {}};
  lock.wait.add(2'000'000, 36);
  lock.wait.add(11'000'000, 4);
  slice.locks = {lock, {0x7f3000002000, "", "", 3, 200'000, {}}};
  slice.preemptions = {{threads[0], "ksoftirqd/0", 12, 30'000'000}, {threads[0], "worker-2", 9, 12'000'000}};
  kernel::ConnectionReading slow{.id = 1, .local = "127.0.0.1:8080", .peer = "127.0.0.1:50001", .state = "established"};
  slow.sent_bytes = 900'000;
  slow.queued_bytes = 2'500'000;
  slow.most_queued_bytes = 2'600'000;
  slow.unsent_bytes = 2'400'000;
  slow.peer_limited_ns = 900'000'000;
  slow.stalled_ns = 4'000'000'000;
  slow.retransmits = 3;
  slow.rtt_ns = 80'000;
  kernel::ConnectionReading quick = slow;
  quick.id = 2;
  quick.peer = "127.0.0.1:50002";
  quick.queued_bytes = quick.most_queued_bytes = quick.unsent_bytes = 0;
  quick.peer_limited_ns = quick.stalled_ns = 0;
  quick.retransmits = 0;
  slice.connections = {slow, quick};
  slice.map_states = {{12, "routes", "hash", 1024, 1000}, {13, "events", "ringbuf", 1u << 20, std::nullopt}};
  profile::Metric handshake{"kernel_tcp_handshake", profile::Metric::Kind::histogram};
  handshake.histogram.add(120'000, 30);
  slice.metrics.push_back(handshake);
  slice.metrics.push_back({"kernel_tcp_slow_clients", profile::Metric::Kind::gauge, 1});
  slice.metrics.push_back({"kernel_tcp_retransmits", profile::Metric::Kind::counter, 3});
  const auto orders = tables.labels({{"topic", "orders"}}), prices = tables.labels({{"topic", "prices"}});
  for (std::size_t i = 0; i < slice.samples.size(); ++i)
    if (slice.samples[i].sampler == Sampler::kernel_cpu) slice.samples[i].labels = i % 3 == 0 ? orders : prices;
  const profile::FrameId wake = tables.frame(user("fanlight::server::hub::Worker::wake()"));
  const profile::StackId stack = tables.stack(
      {tables.frame({FrameOrigin::marker, "", 0, "by worker-2"}), tables.frame(libc("start_thread")), wake});
  slice.samples.push_back({Sampler::wakeup, Reason::poll, threads[0], stack, 12'000'000, 30});
  add_timeline(slice, threads);
}

}  // namespace

profile::Target fabricated_target() {
  profile::Target target{.pid = 4242,
                         .name = "fanlight-server",
                         .executable = kExe,
                         .kernel = "6.18.5",
                         .host = "workshop",
                         .sample_hz = 99};
  target.forms = {{"scheduler", "tp_btf", ""},
                  {"on-cpu sampler", "perf_event", ""},
                  {"socket latency", "none", "fentry is refused on this kernel"}};
  return target;
}

profile::Window fabricate(const Fabrication& wishes) {
  profile::Target target = fabricated_target();
  if (!wishes.kernel) target.forms = {{"kernel probes", "none", "missing CAP_BPF"}};
  profile::Window window(target, 1'700'000'000'000'000'000 - static_cast<std::int64_t>(wishes.start_ns));
  const std::vector<Path> all = paths();
  profile::Tables& tables = window.tables();
  std::vector<profile::ThreadId> threads;
  for (unsigned i = 0; i < wishes.threads; ++i)
    threads.push_back(tables.thread_born(4242 + static_cast<pid_t>(i), "worker-" + std::to_string(i + 1)));
  for (unsigned second = 0; second < wishes.seconds; ++second) {
    profile::Slice slice;
    slice.from_ns = wishes.start_ns + second * 1'000'000'000ull;
    slice.to_ns = slice.from_ns + 1'000'000'000ull;
    const double wave = 1 + 0.25 * std::sin(second * 0.7) + (second % 9 == 5 ? 0.3 : 0);
    for (unsigned i = 0; i < threads.size(); ++i)
      add_thread(slice, tables, all, wishes, threads[i], wave * (1 - 0.2 * i));
    if (wishes.kernel) add_kernel(slice, wishes);
    if (wishes.metrics) {
      slice.metrics = {{"deliveries", profile::Metric::Kind::counter, 84'000 * wave},
                       {"publishes", profile::Metric::Kind::counter, 168 * wave},
                       {"connections", profile::Metric::Kind::gauge, 1000}};
      profile::Metric latency{"delivery_latency", profile::Metric::Kind::histogram};
      latency.histogram.add(static_cast<std::uint64_t>(310'000 * wave), 80'000);
      latency.histogram.add(static_cast<std::uint64_t>(2'900'000 * wave), 4'000);
      slice.metrics.push_back(latency);
    }
    if (wishes.rich && wishes.kernel && !threads.empty()) add_rich(slice, tables, threads);
    if (second == 1) slice.events.push_back({slice.from_ns, "attached to fanlight-server (pid 4242), 4 threads"});
    window.append(std::move(slice));
  }
  return window;
}

Result<> record(const profile::Window& window, const std::filesystem::path& path) {
  auto recorder = store::Recorder::create(path, window.target(), window.realtime_offset_ns());
  if (!recorder) return std::unexpected(recorder.error());
  for (const profile::Slice& slice : window.slices())
    if (auto written = recorder->append(window.tables(), slice); !written) return written;
  return recorder->finish(window.target());
}

}  // namespace fanlight::ui::testing
