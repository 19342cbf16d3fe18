#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "collector/formats/causes.hpp"
#include "collector/formats/findings.hpp"
#include "collector/formats/report.hpp"
#include "collector/formats/report_memory.hpp"
#include "collector/formats/report_network.hpp"
#include "collector/formats/report_words.hpp"
#include "collector/formats/scheduling.hpp"
#include "collector/formats/table.hpp"
#include "collector/formats/text.hpp"
#include "collector/formats/top_stacks.hpp"
#include "collector/profile/cross_check.hpp"
#include "collector/profile/label_totals.hpp"
#include "collector/profile/stack_quality.hpp"
#include "core/errno_name.hpp"
#include "core/units.hpp"

namespace fanlight::formats {
namespace {

using profile::Profile;

constexpr std::size_t kMostRows = 20;
constexpr std::size_t kMostFrames = 12;
constexpr std::size_t kMostErrnos = 3;
constexpr std::size_t kMostModules = 3;

std::string utc(const Profile& profile) {
  const std::uint64_t since_epoch = profile.from_ns + static_cast<std::uint64_t>(profile.realtime_offset_ns);
  const auto seconds = static_cast<std::time_t>(since_epoch / 1'000'000'000);
  std::tm parts{};
  char text[64];
  if (::gmtime_r(&seconds, &parts) == nullptr) return "an unknown time";
  return std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts) > 0 ? text : "an unknown time";
}

std::size_t process_count(const Profile& profile) {
  std::set<pid_t> pids;
  for (const profile::Thread& thread : profile.threads)
    if (thread.pid != 0) pids.insert(thread.pid);
  return pids.size();
}

std::string head(const Profile& profile) {
  const profile::Target& target = profile.target;
  std::uint64_t samples = 0;
  for (const profile::SampleRow& row : profile.samples) {
    // A row of these stands for operations, not for samples.
    if (samples_time(row.sampler)) samples += row.count;
  }
  std::string text = name(target.name);
  if (target.pid != 0) text += ", pid " + std::to_string(target.pid);
  if (const std::size_t processes = process_count(profile); processes > 1)
    text += ", " + plural(processes, "process", "processes");
  if (!target.host.empty()) text += ", on " + name(target.host);
  if (!target.kernel.empty()) text += ", Linux " + name(target.kernel);
  if (range_ns(profile) == 0) return text + "\nnothing was recorded\n";
  text += "\n" + ns(range_ns(profile)) + " from " + utc(profile) + ", " + plural(profile.threads.size(), "thread") +
          ", " + plural(samples, "sample");
  if (target.sample_hz > 0) text += ", on-CPU at " + std::to_string(target.sample_hz) + " Hz";
  return text + "\n";
}

/// "delivery_latency" as people say it.
std::string spoken(const std::string& metric) {
  std::string text = name(metric);
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

std::string throughput(const Profile& profile) {
  Table rates({"", "per second", "in all"});
  Table times({"", "count", "p50", "p99", "p99.9", "max"});
  for (const profile::Metric& metric : profile.metrics) {
    if (profile::of_kernel(metric)) continue;
    switch (metric.kind) {
      case profile::Metric::Kind::counter:
        rates.add({spoken(metric.name), per_second(metric.value, range_ns(profile)), format_count(metric.value)});
        break;
      case profile::Metric::Kind::gauge: rates.add({spoken(metric.name), "-", format_count(metric.value)}); break;
      case profile::Metric::Kind::histogram:
        times.add({spoken(metric.name), counted(metric.histogram.count()), percentile(metric.histogram, 0.5),
                   percentile(metric.histogram, 0.99), percentile(metric.histogram, 0.999),
                   percentile(metric.histogram, 1)});
        break;
    }
  }
  return section("Throughput, as the target counts it", rates.empty() ? "" : rates.text("  ")) +
         section("Latency, as the target counts it", times.empty() ? "" : times.text("  "));
}

std::string standing_out(const Profile& profile) {
  std::string body;
  for (const Cause& cause : causes(profile)) body += "  " + cause.sentence + "\n";
  return section("What stands out", body);
}

std::string locks(const Profile& profile) {
  std::vector<const profile::Lock*> all;
  for (const profile::Lock& lock : profile.locks) all.push_back(&lock);
  std::stable_sort(all.begin(), all.end(), [](auto* a, auto* b) { return a->wait_ns > b->wait_ns; });
  Table table({"lock", "waits", "waited", "p50", "p99", "max", "<held by"});
  for (const profile::Lock* lock : all) {
    if (table.size() == kMostRows) break;
    char address[32];
    std::snprintf(address, sizeof address, "0x%llx", static_cast<unsigned long long>(lock->address));
    table.add({lock->name.empty() ? address : name(lock->name), counted(lock->waits), ns(lock->wait_ns),
               percentile(lock->wait, 0.5), percentile(lock->wait, 0.99), percentile(lock->wait, 1),
               lock->holder.empty() ? "-" : name(lock->holder)});
  }
  return section("Locks of the target, longest waits first", table.empty() ? "" : table.text("  "));
}

std::string states(const Profile& profile) {
  const PerReason all = profile::totals(profile);
  const std::uint64_t whole = profile::sum(all);
  if (whole == 0) return {};
  Table table({"", "time", "share", "<"});
  const auto bar = [&](std::uint64_t part) {
    return std::string(
        static_cast<std::size_t>(std::lround(30 * static_cast<double>(part) / static_cast<double>(whole))), '#');
  };
  for (const State state : {State::running, State::runnable, State::blocked}) {
    std::uint64_t of_state = 0;
    std::vector<std::pair<std::uint64_t, Reason>> reasons;
    for (std::size_t i = 0; i < kReasons; ++i) {
      const auto reason = static_cast<Reason>(i);
      if (state_of(reason) != state || all[i] == 0) continue;
      of_state += all[i];
      if (reason != Reason::running) reasons.emplace_back(all[i], reason);
    }
    table.add({std::string(name_of(state)), ns(of_state), share(of_state, whole), bar(of_state)});
    std::sort(reasons.rbegin(), reasons.rend());
    if (state == State::running) {
      // Whom they met the kernel does not say, so they are no share of these threads.
      for (const auto& [what, time] : {std::pair{"interrupts, all CPUs", profile.machine.interrupts_ns},
                                       {"soft interrupts, all CPUs", profile.machine.soft_interrupts_ns},
                                       {"taken by the host, all CPUs", profile.machine.stolen_ns}})
        if (time > 0) table.add({std::string("  ") + what, ns(time), ""});
    }
    for (const auto& [time, reason] : reasons) {
      table.add({"  " + std::string(name_of(reason)), ns(time), share(time, whole)});
    }
  }
  std::string body = table.text("  ");
  if (const KernelHistogram queue = run_queue(profile); queue.count() > 0) {
    body += "  woken or preempted until running: p50 " + percentile(queue, 0.5) + ", p99 " + percentile(queue, 0.99) +
            ", max " + percentile(queue, 1) + " (" + plural(queue.count(), "time") + ")\n";
  }
  return section("Where the time went, " + ns(whole) + " of all threads", body);
}

std::string threads(const Profile& profile) {
  std::vector<const profile::Thread*> busiest;
  for (const profile::Thread& thread : profile.threads) {
    if (profile::sum(thread.ns) > 0) busiest.push_back(&thread);
  }
  const auto running = [](const profile::Thread* thread) {
    return thread->ns[static_cast<std::size_t>(Reason::running)];
  };
  std::stable_sort(busiest.begin(), busiest.end(), [&](auto* a, auto* b) { return running(a) > running(b); });
  const bool several = process_count(profile) > 1;
  Table table({"thread", several ? "pid/tid" : "tid", "lived", "running", "runnable", "blocked", "<mostly on",
               "queue p99", "switches", "preempted", "moved"});
  for (const profile::Thread* thread : busiest) {
    if (table.size() == kMostRows) break;
    std::uint64_t by_state[3]{};
    std::size_t most = 0;
    for (std::size_t i = 0; i < kReasons; ++i) {
      const State state = state_of(static_cast<Reason>(i));
      by_state[static_cast<std::size_t>(state)] += thread->ns[i];
      if (state == State::blocked && (most == 0 || thread->ns[i] > thread->ns[most])) most = i;
    }
    const std::uint64_t lived = profile::sum(thread->ns);
    const std::string number =
        (several ? std::to_string(thread->pid) + "/" : std::string()) + std::to_string(thread->tid);
    table.add({name(thread->name) + (thread->ended ? " (ended)" : ""), number, ns(lived), share(by_state[0], lived),
               share(by_state[1], lived), share(by_state[2], lived),
               thread->ns[most] > 0 ? std::string(name_of(static_cast<Reason>(most))) : "-",
               percentile(thread->run_queue_ns, 0.99), counted(thread->switches_voluntary),
               counted_or_none(thread->switches_preempted), counted_or_none(thread->migrations)});
  }
  if (table.empty()) return {};
  std::string body = table.text("  ");
  if (busiest.size() > kMostRows) body += "  and " + std::to_string(busiest.size() - kMostRows) + " more\n";
  return section("Threads, busiest first", body);
}

constexpr std::size_t kMostPairs = 10;

std::string wakers_of(const Profile& profile) {
  const std::vector<Waker> all = wakers(profile);
  std::uint64_t whole = 0;
  for (const Waker& one : all) whole += one.count;
  Table table({"thread", "<waited for", "<woken", "share", "waited on average", "<there"});
  for (const Waker& one : all) {
    if (table.size() == kMostPairs) break;
    table.add({name(one.thread), std::string(name_of(one.reason)), name(one.by), share(one.count, whole),
               one.count == 0 ? "-" : format_ns(static_cast<double>(one.ns) / static_cast<double>(one.count)),
               name(one.where)});
  }
  return section("Who ends the waits, by sampled wake-ups", table.empty() ? "" : table.text("  "));
}

std::string preemptors_of(const Profile& profile) {
  Table table({"thread", "<lost its CPU to", "times", "waited for it"});
  for (const Preemptor& one : preemptors(profile)) {
    if (table.size() == kMostPairs) break;
    table.add({name(one.thread), name(one.by), counted(one.count), ns(one.ns)});
  }
  return section("Who takes the CPU away", table.empty() ? "" : table.text("  "));
}

std::string heaviest(const Profile& profile) {
  const TopStacks top = top_stacks(profile, 5);
  std::string body;
  for (std::size_t i = 0; i < top.stacks.size(); ++i) {
    const TopStack& stack = top.stacks[i];
    body += "  " + std::to_string(i + 1) + ". " + share(stack.weight, top.whole) + "  " + ns(stack.weight) + " +- " +
            ns(stack.margin) + "  " + stack.state + ", " + name(stack.thread) + ", " + plural(stack.count, "sample") +
            "\n";
    std::size_t shown = 0;
    for (auto frame = stack.frames.rbegin(); frame != stack.frames.rend() && shown < kMostFrames; ++frame, ++shown) {
      body += "       " + shortened(*frame, 100) + "\n";
    }
    if (stack.frames.size() > shown) body += "       .. " + std::to_string(stack.frames.size() - shown) + " more\n";
  }
  if (top.unsampled > 0) body += "  " + share(top.unsampled, top.whole) + " of it has no sample\n";
  std::string heading = "Heaviest stacks of " + ns(top.whole);
  if (top.idle > 0) heading += ", " + ns(top.idle) + " of waiting for events and sleeping left out";
  return section(heading + " (leaf first)", body);
}

/// "12 (EPIPE 10, ECONNRESET 2)", the most frequent first; the JSON report names them all.
std::string errors(const kernel::SocketCounts& socket) {
  std::vector<std::pair<int, std::uint64_t>> kinds(socket.by_errno.begin(), socket.by_errno.end());
  std::stable_sort(kinds.begin(), kinds.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string names;
  for (std::size_t i = 0; i < std::min(kinds.size(), kMostErrnos); ++i) {
    names += (i > 0 ? ", " : "") + errno_name(kinds[i].first) + " " + std::to_string(kinds[i].second);
  }
  if (kinds.size() > kMostErrnos) names += ", ..";
  return std::to_string(socket.errors) + (names.empty() ? "" : " (" + names + ")");
}

std::string sockets(const Profile& profile) {
  const kernel::SocketCounts all = socket_totals(profile);
  if (all.writes == 0) return {};
  std::vector<const profile::Thread*> writers;
  for (const profile::Thread& thread : profile.threads) {
    if (thread.socket.writes > 0) writers.push_back(&thread);
  }
  std::stable_sort(writers.begin(), writers.end(), [](auto* a, auto* b) { return a->socket.bytes > b->socket.bytes; });
  Table table({"thread", "writes", "per second", "bytes", "bytes/write", "would block", "other errors"});
  const auto add = [&](const std::string& who, const kernel::SocketCounts& socket) {
    table.add({who, counted(socket.writes), per_second(static_cast<double>(socket.writes), range_ns(profile)),
               format_bytes(static_cast<double>(socket.bytes)),
               socket.writes == 0
                   ? "-"
                   : format_bytes(static_cast<double>(socket.bytes) / static_cast<double>(socket.writes)),
               std::to_string(socket.would_block), errors(socket)});
  };
  add("all", all);
  for (const profile::Thread* thread : writers) {
    if (writers.size() == 1 || table.size() > kMostRows) break;
    add(name(thread->name), thread->socket);
  }
  return section("Socket writes", table.text("  "));
}

std::string maps(const Profile& profile) {
  Table table({"map", "<type", "<operation", "count", "failed", "total", "mean", "p50", "p99"});
  for (const kernel::MapReading& map : profile.maps) {
    table.add({name(map.map_name) + " #" + std::to_string(map.map_id), name(map.map_type), name(map.operation),
               std::to_string(map.count), std::to_string(map.errors), ns(map.total_ns),
               map.count == 0 ? "-" : format_ns(static_cast<double>(map.total_ns) / static_cast<double>(map.count)),
               percentile(map.latency_ns, 0.5), percentile(map.latency_ns, 0.99)});
  }
  Table held({"map held", "<type", "entries", "room", "filled"});
  for (const kernel::MapState& map : profile.map_states) {
    held.add({name(map.name) + " #" + std::to_string(map.map_id), name(map.type),
              map.entries ? std::to_string(*map.entries) : "-", std::to_string(map.max_entries),
              map.entries ? share(*map.entries, map.max_entries) : "-"});
  }
  Table registries({"registry", "shards", "<operation", "count", "waited", "wait p50", "wait p99", "held"});
  for (const kernel::RegistryReading& row : without_shards(profile)) {
    // A registry that shares nothing has no lock to wait for.
    const bool waited = row.wait_ns > 0;
    registries.add({name(row.registry), std::to_string(row.shard), name(row.operation), std::to_string(row.count),
                    waited ? ns(row.wait_ns) : "-", waited ? percentile(row.wait, 0.5) : "-",
                    waited ? percentile(row.wait, 0.99) : "-", ns(row.hold_ns)});
  }
  const auto counts_them = [](const kernel::Form& form) {
    return form.probe == "map operations" && form.form != "none";
  };
  const std::vector<kernel::Form>& forms = profile.target.forms;
  const bool none = table.empty() && std::any_of(forms.begin(), forms.end(), counts_them);
  return section("Map operations through bpf(2)", none ? "  none: the target held no BPF map, or made no call on one\n"
                                                  : table.empty() ? ""
                                                                  : table.text("  ")) +
         section("BPF maps that the target holds", held.empty() ? "" : held.text("  ")) +
         section("Registry operations of the target", registries.empty() ? "" : registries.text("  "));
}

std::string labels(const Profile& profile) {
  constexpr std::size_t kMostValues = 10;
  std::string text;
  for (const profile::LabelKeyTotals& key : profile::label_totals(profile)) {
    Table table({name(key.key), "running", "runnable", "blocked", "samples"});
    profile::LabelTotal others{.value = {}};
    std::size_t left_out = 0;
    const auto add = [&](const std::string& what, const profile::LabelTotal& total) {
      table.add({what, ns(total.running_ns), ns(total.runnable_ns), ns(total.blocked_ns), counted(total.samples)});
    };
    for (const profile::LabelTotal& total : key.values) {
      if (!total.labelled || table.size() < kMostValues) {
        if (!total.labelled && left_out > 0) add("(" + plural(left_out, "other") + ")", others);
        add(total.labelled ? name(total.value) : "(without)", total);
        continue;
      }
      ++left_out;
      others.running_ns += total.running_ns;
      others.runnable_ns += total.runnable_ns;
      others.blocked_ns += total.blocked_ns;
      others.samples += total.samples;
    }
    text += section("Time by label: " + name(key.key), table.text("  "));
  }
  const std::size_t traces = profile::trace_count(profile);
  if (traces > 0)
    text += "\n" + plural(traces, "trace") + " named by samples; see them with --group-by label:" + profile::kTraceKey +
            "\n";
  return text;
}

std::string samplers(const Profile& profile) {
  const profile::CrossCheck check = profile::cross_check(profile);
  if (!check.possible()) return {};
  std::string body = "  they agree to " + format_share(check.agreement, 1) + " on where the CPU time goes (" +
                     plural(check.kernel_samples, "sample") + " by the kernel, " + counted(check.inprocess_samples) +
                     " in process" + (check.enough() ? "" : ": too few to tell") + ")\n";
  Table table({"largest differences", "kernel", "in process"});
  for (const profile::FunctionShare& function : check.functions) {
    if (table.size() == 3 || std::fabs(function.kernel - function.inprocess) < 0.005) break;
    table.add(
        {shortened(clean(function.name), 70), format_share(function.kernel, 1), format_share(function.inprocess, 1)});
  }
  if (!table.empty()) body += table.text("  ");
  return section("Two samplers", body);
}

std::string stack_table(const Profile& profile) {
  Table table({"", "stacks", "whole", "cut short", "open", "frames", "by .eh_frame", "frame pointer", "scan"});
  std::string body;
  for (const profile::StackQuality& quality : profile::stack_quality(profile)) {
    const auto found = [&](FrameFound how) {
      // Those in registers are nobody's guess, so they are left out of the shares.
      const std::uint64_t walked = quality.all_frames() - quality.frames_of(FrameFound::registers);
      return quality.frames_of(how) == 0 ? "-" : share(quality.frames_of(how), walked);
    };
    const auto part = [&](std::uint64_t stacks) { return stacks == 0 ? "-" : share(stacks, quality.stacks); };
    const std::string sampler(name_of(quality.sampler));
    table.add({sampler, counted(quality.stacks), part(quality.whole), part(quality.cut), part(quality.open),
               counted(quality.all_frames()), found(FrameFound::eh_frame), found(FrameFound::frame_pointer),
               found(FrameFound::scan)});
    for (const auto& [why, stacks] : quality.cut_why) {
      body += "  " + sampler + ", cut short: " + clean(why) + " " + counted(stacks) + "\n";
    }
    for (std::size_t i = 0; i < std::min(kMostModules, quality.without_rules.size()); ++i) {
      const auto& [module, frames] = quality.without_rules[i];
      body += "  " + sampler + ", no rule: in " + shortened(clean(module), 60) + ", " + plural(frames, "frame") + "\n";
    }
  }
  return section("Stacks: whole to the thread's entry, and what their frames were found by",
                 table.empty() ? "" : table.text("  ") + body);
}

std::string ledger(const Profile& profile) {
  Table table({"source", "produced", "delivered", "dropped", "unaccounted", "<causes"});
  for (const LedgerEntry& entry : profile.ledger) {
    std::string causes;
    const auto list = [&](const auto& losses, const char* before) {
      for (const auto& [cause, count] : losses) {
        if (count > 0)
          causes += (causes.empty() ? "" : ", ") + std::string(before) + clean(cause) + " " + std::to_string(count);
      }
    };
    list(entry.dropped, "");
    list(entry.missed, "missed: ");
    table.add({name(entry.source), std::to_string(entry.produced), std::to_string(entry.delivered),
               std::to_string(entry.dropped_total()), std::to_string(entry.balance()), causes});
  }
  return section("Loss ledger", table.empty() ? "" : table.text("  "));
}

std::string cost(const Profile& profile) {
  const profile::OwnCost& own = profile.cost;
  if (own.cpu_ns == 0 && own.resident_bytes == 0 && own.programs.empty()) return {};
  std::string body = "  the collector used " + ns(own.cpu_ns) + " of CPU time (" +
                     share(own.cpu_ns, range_ns(profile)) + " of one CPU) and " +
                     format_bytes(static_cast<double>(own.resident_bytes)) + " of memory\n";
  Table table({"kernel program", "runs", "each", "of one CPU"});
  for (const kernel::ProgramCost& program : own.programs) {
    if (program.runs == 0) continue;
    table.add({name(program.name), counted(program.runs),
               format_ns(static_cast<double>(program.run_ns) / static_cast<double>(program.runs)),
               share(program.run_ns, range_ns(profile))});
  }
  if (!table.empty()) body += table.text("  ");
  return section("What watching cost", body);
}

std::string closing(const Profile& profile) {
  const Findings found = findings(profile);
  std::string body;
  for (const std::string& line : found.missing) body += "  missing: " + line + "\n";
  for (const std::string& line : found.degraded) body += "  " + line + "\n";
  for (const std::string& line : found.notes) body += "  " + line + "\n";
  std::string events;
  for (const profile::Event& event : profile.events) {
    const double after = static_cast<double>(event.time_ns) - static_cast<double>(profile.from_ns);
    events += (after < 1e6 ? "  at the start" : "  after " + format_ns(after)) + ": " + clean(event.text) + "\n";
  }
  return section("What to keep in mind", body) + section("Events", events);
}

}  // namespace

std::string report_text(const Profile& profile) {
  return head(profile) + standing_out(profile) + throughput(profile) + states(profile) + threads(profile) +
         wakers_of(profile) + preemptors_of(profile) + heaviest(profile) + labels(profile) + sockets(profile) +
         network_section(profile) + locks(profile) + maps(profile) + memory_section(profile) + samplers(profile) +
         stack_table(profile) + ledger(profile) + cost(profile) + closing(profile);
}

}  // namespace fanlight::formats
