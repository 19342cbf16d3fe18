#include "tests/ui/fabricate.hpp"

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
