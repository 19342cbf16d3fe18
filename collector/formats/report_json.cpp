#include <cmath>
#include <string>

#include <boost/json.hpp>

#include "collector/formats/causes.hpp"
#include "collector/formats/findings.hpp"
#include "collector/formats/report.hpp"
#include "collector/formats/report_network.hpp"
#include "collector/formats/scheduling.hpp"
#include "collector/formats/text.hpp"
#include "collector/formats/top_stacks.hpp"
#include "collector/profile/cross_check.hpp"
#include "collector/profile/label_totals.hpp"
#include "collector/profile/stack_quality.hpp"
#include "core/errno_name.hpp"

namespace fanlight::formats {
namespace {

namespace json = boost::json;
using profile::Profile;

/// JSON knows no infinity.
double finite(double value) { return std::isfinite(value) ? value : 0; }

json::object of(const KernelHistogram& histogram) {
  return {{"count", histogram.count()},
          {"mean_ns", finite(histogram.mean())},
          {"p50_ns", histogram.percentile(0.5)},
          {"p90_ns", histogram.percentile(0.9)},
          {"p99_ns", histogram.percentile(0.99)},
          {"p999_ns", histogram.percentile(0.999)},
          {"max_ns", histogram.max()}};
}

json::object of(const kernel::SocketCounts& socket) {
  json::object by_errno;
  for (const auto& [number, count] : socket.by_errno) by_errno[errno_name(number)] = count;
  return {{"writes", socket.writes},
          {"bytes", socket.bytes},
          {"would_block", socket.would_block},
          {"errors", socket.errors},
          {"by_errno", by_errno}};
}

/// {"running": ns, "runnable": {"queued": ns, ...}, "blocked": {"futex": ns, ...}}; every reason is there.
json::object of(const PerReason& ns) {
  json::object runnable;
  json::object blocked;
  for (std::size_t i = 0; i < kReasons; ++i) {
    const auto reason = static_cast<Reason>(i);
    const std::string_view name = name_of(reason);
    if (state_of(reason) == State::runnable) runnable[name] = ns[i];
    if (state_of(reason) == State::blocked) blocked[name] = ns[i];
  }
  return {{"running", ns[static_cast<std::size_t>(Reason::running)]}, {"runnable", runnable}, {"blocked", blocked}};
}

json::object counts_by_cause(const std::map<std::string, std::uint64_t>& counts) {
  json::object all;
  for (const auto& [cause, count] : counts) all[clean(cause)] = count;
  return all;
}

json::array strings(const std::vector<std::string>& texts) {
  json::array all;
  for (const std::string& text : texts) all.emplace_back(clean(text));
  return all;
}

json::object target(const Profile& profile) {
  const profile::Target& known = profile.target;
  return {{"pid", known.pid},
          {"name", clean(known.name)},
          {"executable", clean(known.executable)},
          {"kernel", clean(known.kernel)},
          {"host", clean(known.host)},
          {"sample_hz", known.sample_hz}};
}

/// False without the scheduler's programs: then nothing is known, which is not the same as no time.
bool exact_totals(const Profile& profile) { return profile::sum(profile::totals(profile)) > 0; }

json::array threads(const Profile& profile) {
  const bool exact = exact_totals(profile);
  json::array all;
  for (const profile::Thread& thread : profile.threads) {
    all.push_back(json::object{{"tid", thread.tid},
                               {"pid", thread.pid},
                               {"name", clean(thread.name)},
                               {"from_ns", thread.from_ns},
                               {"to_ns", thread.to_ns},
                               {"ended", thread.ended},
                               {"ns", exact ? json::value(of(thread.ns)) : json::value()},
                               {"total_ns", exact ? json::value(profile::sum(thread.ns)) : json::value()},
                               {"switches_voluntary", thread.switches_voluntary},
                               {"switches_preempted", thread.switches_preempted},
                               {"migrations", thread.migrations},
                               {"wakeups", thread.wakeups},
                               {"run_queue", of(thread.run_queue_ns)},
                               {"socket", of(thread.socket)}});
  }
  return all;
}

json::array stacks(const Profile& profile) {
  const TopStacks top = top_stacks(profile, 5);
  json::array all;
  for (const TopStack& stack : top.stacks) {
    all.push_back(json::object{{"state", stack.state},
                               {"thread", stack.thread},
                               {"weight_ns", stack.weight},
                               {"margin_ns", stack.margin},
                               {"share", static_cast<double>(stack.weight) / static_cast<double>(top.whole)},
                               {"samples", stack.count},
                               {"frames", strings(stack.frames)}});
  }
  return all;
}

json::array who_wakes(const Profile& profile) {
  json::array all;
  for (const Waker& one : wakers(profile)) {
    all.push_back(json::object{{"thread", clean(one.thread)},
                               {"reason", name_of(one.reason)},
                               {"by", clean(one.by)},
                               {"where", clean(one.where)},
                               {"wakeups", one.count},
                               {"waited_ns", one.ns}});
  }
  return all;
}

json::array who_preempts(const Profile& profile) {
  json::array all;
  for (const Preemptor& one : preemptors(profile)) {
    all.push_back(json::object{
        {"thread", clean(one.thread)}, {"by", clean(one.by)}, {"count", one.count}, {"waited_ns", one.ns}});
  }
  return all;
}

json::object sockets(const Profile& profile) {
  json::array by_thread;
  for (const profile::Thread& thread : profile.threads) {
    if (thread.socket.writes == 0) continue;
    json::object row = of(thread.socket);
    row["tid"] = thread.tid;
    row["name"] = clean(thread.name);
    by_thread.push_back(std::move(row));
  }
  json::object all = of(socket_totals(profile));
  all["threads"] = std::move(by_thread);
  return all;
}

json::array stands_out(const Profile& profile) {
  json::array all;
  for (const Cause& cause : causes(profile)) {
    all.push_back(json::object{{"sentence", cause.sentence}, {"ns", cause.ns}, {"share_of_threads", cause.share}});
  }
  return all;
}

json::array locks(const Profile& profile) {
  json::array all;
  for (const profile::Lock& lock : profile.locks) {
    all.push_back(json::object{{"address", lock.address},
                               {"name", clean(lock.name)},
                               {"holder", clean(lock.holder)},
                               {"waits", lock.waits},
                               {"wait_ns", lock.wait_ns},
                               {"wait", of(lock.wait)}});
  }
  return all;
}

json::array maps(const Profile& profile) {
  json::array all;
  for (const kernel::MapReading& map : profile.maps) {
    all.push_back(json::object{{"map_id", map.map_id},
                               {"map_name", clean(map.map_name)},
                               {"map_type", clean(map.map_type)},
                               {"operation", clean(map.operation)},
                               {"count", map.count},
                               {"errors", map.errors},
                               {"total_ns", map.total_ns},
                               {"latency", of(map.latency_ns)}});
  }
  return all;
}

json::array map_states(const Profile& profile) {
  json::array all;
  for (const kernel::MapState& map : profile.map_states) {
    all.push_back(json::object{{"map_id", map.map_id},
                               {"map_name", clean(map.name)},
                               {"map_type", clean(map.type)},
                               {"max_entries", map.max_entries},
                               {"entries", map.entries ? json::value(*map.entries) : json::value()}});
  }
  return all;
}

json::array registries(const Profile& profile) {
  json::array all;
  for (const kernel::RegistryReading& row : profile.registries) {
    all.push_back(json::object{{"registry", clean(row.registry)},
                               {"shard", row.shard},
                               {"operation", clean(row.operation)},
                               {"count", row.count},
                               {"wait_ns", row.wait_ns},
                               {"hold_ns", row.hold_ns},
                               {"wait", of(row.wait)}});
  }
  return all;
}

json::array metrics(const Profile& profile) {
  json::array all;
  const double seconds = static_cast<double>(range_ns(profile)) / 1e9;
  for (const profile::Metric& metric : profile.metrics) {
    json::object row{{"name", clean(metric.name)}};
    switch (metric.kind) {
      case profile::Metric::Kind::counter:
        row["kind"] = "counter";
        row["value"] = finite(metric.value);
        row["per_second"] = seconds > 0 ? finite(metric.value / seconds) : 0;
        break;
      case profile::Metric::Kind::gauge:
        row["kind"] = "gauge";
        row["value"] = finite(metric.value);
        break;
      case profile::Metric::Kind::histogram:
        row["kind"] = "histogram";
        row["histogram"] = of(metric.histogram);
        break;
    }
    all.push_back(std::move(row));
  }
  return all;
}

json::array labels(const Profile& profile) {
  json::array all;
  for (const profile::LabelKeyTotals& key : profile::label_totals(profile)) {
    json::array values;
    for (const profile::LabelTotal& total : key.values) {
      values.push_back(json::object{{"value", total.labelled ? json::value(clean(total.value)) : json::value()},
                                    {"running_ns", total.running_ns},
                                    {"runnable_ns", total.runnable_ns},
                                    {"blocked_ns", total.blocked_ns},
                                    {"samples", total.samples}});
    }
    all.push_back(json::object{{"key", clean(key.key)}, {"values", std::move(values)}});
  }
  return all;
}

json::object samplers(const Profile& profile) {
  const profile::CrossCheck check = profile::cross_check(profile);
  json::array functions;
  for (const profile::FunctionShare& function : check.functions) {
    functions.push_back(
        json::object{{"name", clean(function.name)}, {"kernel", function.kernel}, {"inprocess", function.inprocess}});
  }
  return {{"possible", check.possible()},
          {"kernel_samples", check.kernel_samples},
          {"inprocess_samples", check.inprocess_samples},
          {"agreement", check.agreement},
          {"functions", std::move(functions)}};
}

json::array stack_table(const Profile& profile) {
  json::array all;
  for (const profile::StackQuality& quality : profile::stack_quality(profile)) {
    json::object frames;
    for (std::size_t i = 0; i < kFrameFounds; ++i) {
      const std::string_view how = name_of(static_cast<FrameFound>(i));
      if (!how.empty()) frames[how] = quality.frames[i];
    }
    json::object why;
    for (const auto& [marker, stacks] : quality.cut_why) why[clean(marker)] = stacks;
    json::object modules;
    for (const auto& [module, count] : quality.without_rules) modules[clean(module)] = count;
    all.push_back(json::object{{"samples", name_of(quality.sampler)},
                               {"stacks", quality.stacks},
                               {"whole", quality.whole},
                               {"cut", quality.cut},
                               {"open", quality.open},
                               {"cut_why", std::move(why)},
                               {"frames", std::move(frames)},
                               {"frames_without_rule", std::move(modules)}});
  }
  return all;
}

json::array ledger(const Profile& profile) {
  json::array all;
  for (const LedgerEntry& entry : profile.ledger) {
    all.push_back(json::object{{"source", clean(entry.source)},
                               {"produced", entry.produced},
                               {"delivered", entry.delivered},
                               {"dropped", counts_by_cause(entry.dropped)},
                               {"missed", counts_by_cause(entry.missed)},
                               {"balance", entry.balance()}});
  }
  return all;
}

json::object cost(const Profile& profile) {
  json::array programs;
  for (const kernel::ProgramCost& program : profile.cost.programs) {
    programs.push_back(json::object{{"name", clean(program.name)}, {"runs", program.runs}, {"run_ns", program.run_ns}});
  }
  return {{"cpu_ns", profile.cost.cpu_ns},
          {"resident_bytes", profile.cost.resident_bytes},
          {"programs", std::move(programs)}};
}

json::array forms(const Profile& profile) {
  json::array all;
  for (const kernel::Form& form : profile.target.forms) {
    all.push_back(json::object{{"probe", clean(form.probe)}, {"form", clean(form.form)}, {"why", clean(form.why)}});
  }
  return all;
}

json::array events(const Profile& profile) {
  json::array all;
  for (const profile::Event& event : profile.events) {
    all.push_back(json::object{{"time_ns", event.time_ns},
                               {"kind", event.kind == profile::Event::Kind::governor ? "governor" : "note"},
                               {"text", clean(event.text)}});
  }
  return all;
}

}  // namespace

std::string report_json(const Profile& profile) {
  const PerReason all = profile::totals(profile);
  json::object total = of(all);
  total["sum_ns"] = profile::sum(all);
  const Findings found = findings(profile);
  const json::object report{{"schema", 1},
                            {"target", target(profile)},
                            {"window",
                             {{"from_ns", profile.from_ns},
                              {"to_ns", profile.to_ns},
                              {"duration_ns", range_ns(profile)},
                              {"realtime_offset_ns", profile.realtime_offset_ns}}},
                            {"totals", exact_totals(profile) ? json::value(std::move(total)) : json::value()},
                            {"causes", stands_out(profile)},
                            {"locks", locks(profile)},
                            {"run_queue", of(run_queue(profile))},
                            {"threads", threads(profile)},
                            {"top_stacks", stacks(profile)},
                            {"labels", labels(profile)},
                            {"traces", profile::trace_count(profile)},
                            {"machine",
                             {{"interrupts_ns", profile.machine.interrupts_ns},
                              {"soft_interrupts_ns", profile.machine.soft_interrupts_ns},
                              {"stolen_ns", profile.machine.stolen_ns}}},
                            {"wakers", who_wakes(profile)},
                            {"preemptors", who_preempts(profile)},
                            {"sockets", sockets(profile)},
                            {"network", network_json(profile)},
                            {"maps", maps(profile)},
                            {"map_states", map_states(profile)},
                            {"registries", registries(profile)},
                            {"metrics", metrics(profile)},
                            {"cross_check", samplers(profile)},
                            {"stack_quality", stack_table(profile)},
                            {"ledger", ledger(profile)},
                            {"cost", cost(profile)},
                            {"forms", forms(profile)},
                            {"missing", strings(found.missing)},
                            {"notes", strings(found.notes)},
                            {"events", events(profile)}};
  return json::serialize(report) + "\n";
}

}  // namespace fanlight::formats
