#include "tests/collector/profile/made_windows.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <random>
#include <sstream>
#include <utility>
#include <vector>

namespace fanlight::testing {
namespace {

using namespace profile;

KernelHistogram histogram(std::initializer_list<std::uint64_t> values) {
  KernelHistogram all;
  for (const std::uint64_t value : values) all.add(value);
  // As the kernel's arrive: counts alone, the sum being an estimate.
  return KernelHistogram::from_counts(all.counts());
}

FrameId user(Tables& tables, const std::string& module, std::uint64_t offset, const std::string& name) {
  return tables.frame({FrameOrigin::user, module, offset, name});
}

FrameId kernel_frame(Tables& tables, std::uint64_t address, const std::string& name) {
  return tables.frame({FrameOrigin::kernel, "[kernel]", address, name});
}

constexpr std::uint64_t kSecond = 1'000'000'000;

}  // namespace

Window broadcaster() {
  Target target{.pid = 4242,
                .name = "fanlight-server",
                .executable = "/opt/fanlight/bin/fanlight-server",
                .kernel = "6.18.0",
                .host = "example",
                .sample_hz = 99};
  target.forms = {{"scheduler", "tp_btf", ""},
                  {"on-cpu sampler", "perf_event", ""},
                  {"socket writes", "tp_btf", "fentry is refused by this kernel"},
                  {"registry operations", "none", "the target has no such point"}};
  Window window(std::move(target), 1'700'000'000 * static_cast<std::int64_t>(kSecond));
  Tables& tables = window.tables();
  const std::string server = "/opt/fanlight/bin/fanlight-server";
  const FrameId start = user(tables, "/lib/libc.so.6", 0x8a1b0, "start_thread");
  const FrameId run = user(tables, server, 0x4010, "fanlight::server::Worker::run()");
  const FrameId flush = user(tables, server, 0x4a20, "fanlight::server::Worker::flush()");
  const FrameId encode = user(tables, server, 0x5b00, "fanlight::server::encode<Sse>(std::string_view)");
  const FrameId unknown = user(tables, server, 0x99, "[fanlight-server+0x99]");
  const FrameId writev = user(tables, "/lib/libc.so.6", 0xf9000, "writev");
  const FrameId wait = user(tables, "/lib/libc.so.6", 0x108000, "epoll_wait");
  const FrameId tcp = kernel_frame(tables, 0xffffffff81a00000, "tcp_sendmsg");
  const FrameId ep_poll = kernel_frame(tables, 0xffffffff81300000, "ep_poll");
  constexpr auto kRule = FrameFound::eh_frame;
  const StackId sending =
      tables.stack({start, run, flush, writev, tcp}, {kRule, kRule, FrameFound::frame_pointer, FrameFound::registers});
  const StackId encoding = tables.stack({start, run, encode}, {kRule, kRule, FrameFound::registers});
  const StackId lost = tables.stack({unknown});
  const StackId idle = tables.stack({wait, ep_poll});

  const ThreadId one = tables.thread(4243, "worker-1");
  const ThreadId two = tables.thread(4244, "worker-2");
  for (std::uint64_t second = 0; second < 2; ++second) {
    const std::uint64_t from = (100 + second) * kSecond;
    Slice slice{.from_ns = from, .to_ns = from + kSecond};
    ThreadSlice busy{.thread = one, .from_ns = from, .to_ns = from + kSecond};
    busy.ns[static_cast<std::size_t>(Reason::running)] = 700'000'001;
    busy.ns[static_cast<std::size_t>(Reason::runnable_queued)] = 50'000'000;
    busy.ns[static_cast<std::size_t>(Reason::poll)] = 199'999'999;
    busy.ns[static_cast<std::size_t>(Reason::futex)] = 50'000'000;
    busy.switches_voluntary = 900;
    busy.switches_preempted = 40;
    busy.migrations = 3;
    busy.wakeups = 901;
    busy.run_queue_ns = histogram({900, 4'000, 4'100, 70'000});
    busy.socket = {5'000, 640'000, 12, 1, {{EPIPE, 1}}};
    slice.threads.push_back(busy);
    if (second == 0) {
      ThreadSlice quiet{.thread = two, .from_ns = from, .to_ns = from + kSecond / 2, .ended = true};
      quiet.ns[static_cast<std::size_t>(Reason::running)] = 1'000'000;
      quiet.ns[static_cast<std::size_t>(Reason::sleep)] = 499'000'000;
      quiet.wakeups = 1;
      slice.threads.push_back(quiet);
      slice.events.push_back({from + kSecond / 2, "thread worker-2 ended"});
      slice.events.push_back({from + kSecond / 2, "on-CPU sampling lowered from 99 to 49 Hz", Event::Kind::governor});
    }
    constexpr std::uint64_t kTick = 10'101'010;
    slice.samples = {{Sampler::kernel_cpu, Reason::running, one, sending, 48 * kTick, 48},
                     {Sampler::kernel_cpu, Reason::running, one, encoding, 20 * kTick, 20},
                     {Sampler::kernel_cpu, Reason::running, one, lost, kTick, 1},
                     {Sampler::kernel_blocked, Reason::poll, one, idle, 200'000'000, 10},
                     {Sampler::socket_write, Reason::running, one, sending, 64'000, 500},
                     {Sampler::inprocess_cpu, Reason::running, one, sending, 45 * kTick, 45},
                     {Sampler::inprocess_cpu, Reason::running, one, encoding, 23 * kTick, 23}};
    for (SampleRow& row : slice.samples) row.time_ns = from + row.count * 1'000'000;
    slice.locks = {{0x5581'0000'1000, "fanlight::server::Hub::subscribers", "worker-2", 40, 45'000'000,
                    histogram({900'000, 1'100'000})}};
    slice.maps = {{7, "subscribers", "hash", "lookup", 5'000, 0, 9'000'000, histogram({1'500, 1'800, 2'100})},
                  {7, "subscribers", "hash", "delete", 50, 50, 80'000, histogram({1'600})}};
    slice.registries = {{"mutex", 0, "iterate", 1'000, 4'000'000, 60'000'000, histogram({2'000, 900'000})}};
    slice.metrics = {
        {"deliveries", Metric::Kind::counter, 84'000, {}},
        {"publishes", Metric::Kind::counter, 84, {}},
        {"connections", Metric::Kind::gauge, 1'000, {}},
        {"delivery_latency", Metric::Kind::histogram, 0, histogram({100'000, 250'000, 900'000, 3'000'000})}};
    slice.ledger = {{"kernel samples", 82, 80, {{"ring full", 2}}, {{"recursion", 1}}},
                    {"in-process samples", 68, 68, {}, {}}};
    slice.cost = {12'000'000, 30u << 20, {{"on_switch", 1'900, 950'000}, {"on_tick", 198, 200'000}}};
    window.append(std::move(slice));
  }
  return window;
}

Window random_window(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto below = [&](std::uint64_t bound) {
    return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(random);
  };
  const auto chance = [&](unsigned percent) { return below(100) < percent; };
  const auto amount = [&] { return below(std::uint64_t{1} << below(40)); };
  const auto word = [&]() -> std::string {
    static const std::vector<std::string> kWords{"main",
                                                 "a;b",
                                                 "operator<",
                                                 "x y\tz",
                                                 "",
                                                 "\"quoted\"",
                                                 "&amp;",
                                                 "naïve",
                                                 std::string("\xff\xfe raw", 6),
                                                 "very::long<" + std::string(200, 'n') + ">"};
    return kWords[below(kWords.size())];
  };
  const auto some_histogram = [&] {
    KernelHistogram all;
    for (std::uint64_t i = below(6); i > 0; --i) all.add(amount(), 1 + below(1000));
    return KernelHistogram::from_counts(all.counts());
  };

  Target target{.pid = static_cast<pid_t>(1 + below(99'999)),
                .name = word(),
                .executable = word(),
                .kernel = word(),
                .host = word(),
                .sample_hz = static_cast<unsigned>(below(200))};
  for (std::uint64_t i = below(4); i > 0; --i) target.forms.push_back({word(), word(), word()});
  Window window(std::move(target), static_cast<std::int64_t>(amount()) - 1000);
  Tables& tables = window.tables();

  std::uint64_t now = amount();
  for (std::uint64_t slices = below(6); slices > 0; --slices) {
    for (std::uint64_t i = 1 + below(6); i > 0; --i) {
      const auto origin = static_cast<FrameOrigin>(below(3));
      const std::string module = origin == FrameOrigin::marker   ? ""
                                 : origin == FrameOrigin::kernel ? "[kernel]"
                                                                 : word();
      const FrameId frame = tables.frame({origin, module, origin == FrameOrigin::marker ? 0 : random(), word()});
      if (origin == FrameOrigin::user && chance(40)) {
        std::vector<Inlined> calls;
        for (std::uint64_t depth = below(3); depth > 0; --depth) {
          calls.push_back({word(), word(), static_cast<std::uint32_t>(below(9999))});
        }
        tables.set_source(frame, word(), static_cast<std::uint32_t>(below(9999)), std::move(calls));
        tables.set_build_id(tables.frames()[frame].module, "00ff" + std::to_string(below(10'000)));
      }
    }
    for (std::uint64_t i = 1 + below(5); i > 0; --i) {
      Stack stack;
      for (std::uint64_t depth = below(12); depth > 0; --depth) {
        stack.push_back(static_cast<FrameId>(below(tables.frames().size())));
      }
      StackFound found;
      for (std::size_t frame = chance(50) ? stack.size() : 0; frame > 0; --frame) {
        found.push_back(chance(30) ? FrameFound::untold : static_cast<FrameFound>(below(4)));
      }
      tables.stack(stack, std::move(found));
    }
    for (std::uint64_t i = below(3); i > 0; --i) tables.labels({{word(), word()}, {"topic", word()}});
    for (std::uint64_t i = 1 + below(3); i > 0; --i) tables.thread_born(static_cast<pid_t>(1 + below(5)), word());

    Slice slice{.from_ns = now, .to_ns = now + amount()};
    for (ThreadId id = 0; id < tables.threads().size(); ++id) {
      if (chance(30)) continue;
      ThreadSlice row{.thread = id, .from_ns = now, .ended = chance(20)};
      std::uint64_t lived = 0;
      for (auto& ns : row.ns) {
        if (chance(40)) lived += ns = amount();
      }
      row.to_ns = now + lived;
      row.switches_voluntary = amount();
      row.switches_preempted = amount();
      row.migrations = amount();
      row.wakeups = amount();
      row.run_queue_ns = some_histogram();
      if (chance(50)) {
        row.socket = {amount(), amount(), amount(), amount(), {}};
        for (std::uint64_t kinds = below(4); kinds > 0; --kinds) {
          row.socket.by_errno[static_cast<int>(1 + below(kernel::kMaxErrno))] = amount();
        }
      }
      slice.threads.push_back(std::move(row));
    }
    for (std::uint64_t i = below(40); i > 0; --i) {
      const auto sampler = static_cast<Sampler>(below(kSamplers));
      const bool blocked = sampler == Sampler::kernel_blocked;
      slice.samples.push_back({sampler, blocked ? static_cast<Reason>(1 + below(kReasons - 1)) : Reason::running,
                               static_cast<ThreadId>(below(tables.threads().size())),
                               static_cast<StackId>(below(tables.stacks().size())), chance(10) ? 0 : amount(),
                               1 + below(50), static_cast<LabelsId>(below(tables.labels().size())), now});
    }
    for (const ThreadSlice& thread : slice.threads) {
      if (!chance(40) || tables.labels().size() < 2) continue;
      LabelTime time{thread.thread, static_cast<LabelsId>(1 + below(tables.labels().size() - 1)), {}};
      bool any = false;
      for (std::size_t reason = 1; reason < kReasons; ++reason) {
        if (thread.ns[reason] > 0 && chance(70)) any |= (time.ns[reason] = below(thread.ns[reason] + 1)) > 0;
      }
      if (any) slice.label_times.push_back(time);
    }
    for (std::uint64_t i = below(4); i > 0; --i) {
      slice.maps.push_back({static_cast<std::uint32_t>(below(3)), word(), word(), chance(50) ? "lookup" : "update",
                            amount(), amount(), amount(), some_histogram()});
      slice.registries.push_back(
          {word(), static_cast<std::uint32_t>(below(3)), word(), amount(), amount(), amount(), some_histogram()});
      slice.metrics.push_back(
          {word(), static_cast<Metric::Kind>(below(3)), static_cast<double>(amount()), some_histogram()});
      slice.events.push_back({now + amount(), word(), static_cast<Event::Kind>(below(2))});
      slice.preemptions.push_back({static_cast<ThreadId>(below(tables.threads().size())), word(), amount(), amount()});
      slice.timeline.push_back({now + amount(), static_cast<ThreadId>(below(tables.threads().size())),
                                static_cast<kernel::TimelineReading::Kind>(1 + below(3)),
                                static_cast<Reason>(below(kReasons)), static_cast<std::uint16_t>(below(8)),
                                static_cast<pid_t>(below(9))});
      slice.locks.push_back({below(3), word(), word(), amount(), amount(), some_histogram()});
      slice.map_states.push_back({static_cast<std::uint32_t>(below(3)), word(), word(), amount(),
                                  chance(50) ? std::optional(amount()) : std::nullopt});
      // Watched for longer than it can have been busy, as readers insist.
      const std::uint64_t watched = (std::uint64_t{1} << 40) + amount();
      slice.connections.push_back({below(3), word(), word(), word(), watched, amount(), amount(), amount(), amount(),
                                   amount(), amount(), amount(), amount(), amount(), amount(), amount(), amount(),
                                   amount(), amount()});
      slice.ledger.push_back({word(), amount(), amount(), {{word(), amount()}}, {{word(), amount()}}});
      slice.cost.programs.push_back({word(), amount(), amount()});
    }
    slice.machine = {amount(), amount(), amount()};
    if (chance(50))
      tables.set_process(static_cast<ThreadId>(below(tables.threads().size())), static_cast<pid_t>(below(9)));
    slice.cost.cpu_ns = amount();
    slice.cost.resident_bytes = amount();
    now = slice.to_ns;
    window.append(std::move(slice));
    const auto renamed = static_cast<FrameId>(below(tables.frames().size()));
    // A marker is told apart by its name, so nobody renames one.
    if (chance(30) && tables.frames()[renamed].origin != FrameOrigin::marker)
      tables.rename_frame(renamed, word() + "'");
    if (chance(30)) tables.rename_thread(static_cast<ThreadId>(below(tables.threads().size())), word() + "'");
  }
  return window;
}

namespace {

struct Text {
  std::ostringstream out;
  void add(const KernelHistogram& histogram) {
    out << " histogram:";
    const auto counts = histogram.counts();
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] > 0) out << ' ' << i << '=' << counts[i];
    }
  }
  void add(const PerReason& ns) {
    for (std::size_t i = 0; i < kReasons; ++i) {
      if (ns[i] > 0) out << ' ' << name_of(static_cast<Reason>(i)) << '=' << ns[i];
    }
  }
  void add(const kernel::SocketCounts& socket) {
    out << " socket " << socket.writes << ' ' << socket.bytes << ' ' << socket.would_block << ' ' << socket.errors;
    for (const auto& [number, count] : socket.by_errno) out << " errno " << number << '=' << count;
  }
  void add(const Metric& metric) {
    char value[64];
    std::snprintf(value, sizeof value, "%a", metric.value);
    out << "metric " << metric.name << ' ' << static_cast<int>(metric.kind) << ' ' << value;
    add(metric.histogram);
    out << '\n';
  }
};

}  // namespace

std::string describe(const Profile& profile) {
  Text text;
  auto& out = text.out;
  const Target& target = profile.target;
  out << "target " << target.pid << '|' << target.name << '|' << target.executable << '|' << target.kernel << '|'
      << target.host << '|' << target.sample_hz << '|' << target.weight_unit << '\n';
  for (const auto& form : target.forms) out << "form " << form.probe << '|' << form.form << '|' << form.why << '\n';
  out << "range " << profile.from_ns << ' ' << profile.to_ns << ' ' << profile.realtime_offset_ns << '\n';
  for (const Thread& thread : profile.threads) {
    out << "thread " << thread.tid << ' ' << thread.pid << '|' << thread.name << '|' << thread.from_ns << ' '
        << thread.to_ns << ' ' << thread.ended << ' ' << thread.switches_voluntary << ' ' << thread.switches_preempted
        << ' ' << thread.migrations << ' ' << thread.wakeups;
    text.add(thread.ns);
    text.add(thread.run_queue_ns);
    text.add(thread.socket);
    out << '\n';
  }
  for (const Frame& frame : profile.frames) {
    out << "frame " << static_cast<int>(frame.origin) << '|' << frame.module << '|' << frame.offset << '|' << frame.name
        << '|' << frame.file << ':' << frame.line;
    for (const Inlined& call : frame.inlined) out << " > " << call.name << '|' << call.file << ':' << call.line;
    out << '\n';
  }
  // How stacks are numbered says nothing, so they are told by their frames.
  const auto frames_of = [&](StackId id) {
    std::string frames;
    for (const FrameId frame : profile.stacks.at(id)) frames += " " + std::to_string(frame);
    if (id >= profile.found.size()) return frames;
    for (const FrameFound how : profile.found[id]) frames += "," + std::to_string(static_cast<int>(how));
    return frames;
  };
  std::vector<std::string> lines;
  for (StackId id = 0; id < profile.stacks.size(); ++id) lines.push_back("stack" + frames_of(id) + "\n");
  std::sort(lines.begin(), lines.end());
  for (const std::string& line : lines) out << line;
  for (const Labels& labels : profile.labels) {
    out << "labels";
    for (const auto& [key, value] : labels) out << ' ' << key << '=' << value;
    out << '\n';
  }
  for (const ThreadPoint& point : profile.thread_points)
    out << "point " << point.thread << ' ' << point.second << ' ' << static_cast<int>(point.reason) << ' ' << point.ns
        << ' ' << point.kernel_ns << '\n';
  for (const Module& module : profile.modules) out << "module " << module.path << ' ' << module.build_id << '\n';
  lines.clear();
  for (const SampleRow& row : profile.samples) {
    std::ostringstream line;
    line << "sample " << static_cast<int>(row.sampler) << ' ' << static_cast<int>(row.reason) << ' ' << row.thread
         << " weight " << row.weight << ' ' << row.count << ' ' << row.labels << ' ' << row.time_ns << " stack"
         << frames_of(row.stack) << '\n';
    lines.push_back(line.str());
  }
  std::sort(lines.begin(), lines.end());
  for (const std::string& line : lines) out << line;
  for (const LabelTime& time : profile.label_times) {
    out << "label time " << time.thread << ' ' << time.labels;
    text.add(time.ns);
    out << '\n';
  }
  for (const Preemption& row : profile.preemptions)
    out << "preemption " << row.thread << '|' << row.by << '|' << row.count << ' ' << row.ns << '\n';
  for (const TimelineRow& row : profile.timeline)
    out << "timeline " << row.time_ns << ' ' << row.thread << ' ' << static_cast<int>(row.kind) << ' '
        << static_cast<int>(row.reason) << ' ' << row.cpu << ' ' << row.waker << '\n';
  out << "machine " << profile.machine.interrupts_ns << ' ' << profile.machine.soft_interrupts_ns << ' '
      << profile.machine.stolen_ns << '\n';
  for (const Lock& lock : profile.locks) {
    out << "lock " << lock.address << '|' << lock.name << '|' << lock.holder << '|' << lock.waits << ' '
        << lock.wait_ns;
    text.add(lock.wait);
    out << '\n';
  }
  for (const auto& map : profile.maps) {
    out << "map " << map.map_id << '|' << map.map_name << '|' << map.map_type << '|' << map.operation << '|'
        << map.count << ' ' << map.errors << ' ' << map.total_ns;
    text.add(map.latency_ns);
    out << '\n';
  }
  for (const auto& map : profile.map_states) {
    out << "map state " << map.map_id << '|' << map.name << '|' << map.type << '|' << map.max_entries << ' '
        << (map.entries ? std::to_string(*map.entries) : "-") << '\n';
  }
  for (const auto& one : profile.connections) {
    out << "connection " << one.id << '|' << one.local << '|' << one.peer << '|' << one.state;
    for (const std::uint64_t number :
         {one.watched_ns, one.sent_bytes, one.acknowledged_bytes, one.received_bytes, one.retransmits, one.busy_ns,
          one.peer_limited_ns, one.buffer_limited_ns, one.queued_bytes, one.most_queued_bytes, one.unsent_bytes,
          one.unread_bytes, one.stalled_ns, one.rtt_ns, one.rtt_deviation_ns}) {
      out << ' ' << number;
    }
    out << '\n';
  }
  for (const auto& row : profile.registries) {
    out << "registry " << row.registry << '|' << row.shard << '|' << row.operation << '|' << row.count << ' '
        << row.wait_ns << ' ' << row.hold_ns;
    text.add(row.wait);
    out << '\n';
  }
  for (const Metric& metric : profile.metrics) text.add(metric);
  for (const Event& event : profile.events) {
    out << "event " << event.time_ns << ' ' << static_cast<int>(event.kind) << ' ' << event.text << '\n';
  }
  for (const SecondPoint& second : profile.seconds) {
    out << "second " << second.from_ns << ' ' << second.to_ns << ' ' << second.samples << ' ' << second.dropped;
    text.add(second.ns);
    text.add(second.socket);
    text.add(second.run_queue_ns);
    out << '\n';
    for (const Metric& metric : second.metrics) text.add(metric);
  }
  for (const LedgerEntry& entry : profile.ledger) {
    out << "ledger " << entry.source << '|' << entry.produced << ' ' << entry.delivered;
    for (const auto& [cause, count] : entry.dropped) out << " dropped " << cause << '=' << count;
    for (const auto& [cause, count] : entry.missed) out << " missed " << cause << '=' << count;
    out << '\n';
  }
  out << "cost " << profile.cost.cpu_ns << ' ' << profile.cost.resident_bytes << '\n';
  for (const auto& program : profile.cost.programs) {
    out << "program " << program.name << '|' << program.runs << ' ' << program.run_ns << '\n';
  }
  return out.str();
}

}  // namespace fanlight::testing
