#include "ui/viewmodel/tables.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

#include "collector/profile/cross_check.hpp"
#include "collector/profile/merge.hpp"
#include "core/units.hpp"
#include "ui/viewmodel/measured.hpp"

namespace fanlight::ui {
namespace {

double value_of(const ThreadRow& row, ThreadOrder order) {
  switch (order) {
    case ThreadOrder::running: return row.share(0);
    case ThreadOrder::runnable: return row.share(1);
    case ThreadOrder::blocked: return row.blocked();
    case ThreadOrder::idle: return row.share(kIdleBand);
    case ThreadOrder::run_queue: return static_cast<double>(row.run_queue_p99_ns);
    case ThreadOrder::switches: return row.switches_per_second;
    case ThreadOrder::name: break;
  }
  return 0;
}

SocketRow socket_row(const kernel::SocketCounts& counts, double seconds) {
  SocketRow row;
  row.counts = counts;
  row.writes_per_second = static_cast<double>(counts.writes) / seconds;
  row.bytes_per_second = static_cast<double>(counts.bytes) / seconds;
  row.bytes_per_write = counts.writes == 0 ? 0 : static_cast<double>(counts.bytes) / static_cast<double>(counts.writes);
  return row;
}

std::string joined(const std::map<std::string, std::uint64_t>& causes) {
  std::string text;
  for (const auto& [cause, count] : causes) {
    if (count == 0) continue;
    text += (text.empty() ? "" : ", ") + cause + " " + format_count(static_cast<double>(count));
  }
  return text;
}

}  // namespace

double seconds_of(const profile::Profile& profile) {
  return profile.to_ns > profile.from_ns ? static_cast<double>(profile.to_ns - profile.from_ns) / 1e9 : 1;
}

double ThreadRow::blocked() const {
  double part = 0;
  for (std::size_t band = 2; band < kBands.size(); ++band) part += share(band);
  return part;
}

std::vector<ThreadRow> thread_rows(const profile::Profile& profile) {
  std::vector<ThreadRow> rows;
  rows.reserve(profile.threads.size());
  const bool measured = !unmeasured(profile.target, kScheduler);
  for (const profile::Thread& thread : profile.threads) {
    ThreadRow row;
    row.tid = thread.tid;
    row.name = thread.name.empty() ? "thread " + std::to_string(thread.tid) : thread.name;
    row.ended = thread.ended;
    row.bands = by_band(thread.ns);
    row.ns = profile::sum(thread.ns);
    row.run_queue_p99_ns = thread.run_queue_ns.percentile(0.99);
    const double seconds = row.ns == 0 ? seconds_of(profile) : static_cast<double>(row.ns) / 1e9;
    row.switches_per_second = static_cast<double>(thread.switches_voluntary + thread.switches_preempted) / seconds;
    row.migrations = thread.migrations;
    row.measured = measured;
    rows.push_back(std::move(row));
  }
  sort_rows(rows, ThreadOrder::running, true);
  return rows;
}

void sort_rows(std::vector<ThreadRow>& rows, ThreadOrder order, bool descending) {
  std::sort(rows.begin(), rows.end(), [=](const ThreadRow& a, const ThreadRow& b) {
    const ThreadRow &first = descending ? b : a, &second = descending ? a : b;
    if (order == ThreadOrder::name) return std::tie(first.name, first.tid) < std::tie(second.name, second.tid);
    const double left = value_of(first, order), right = value_of(second, order);
    return left != right ? left < right : a.tid < b.tid;
  });
}

std::vector<SocketRow> socket_rows(const profile::Profile& profile) {
  std::vector<SocketRow> rows;
  kernel::SocketCounts all;
  const double seconds = seconds_of(profile);
  for (const profile::Thread& thread : profile.threads) {
    if (thread.socket.writes == 0) continue;
    SocketRow row = socket_row(thread.socket, seconds);
    row.tid = thread.tid;
    row.thread = thread.name.empty() ? "thread " + std::to_string(thread.tid) : thread.name;
    profile::add(all, thread.socket);
    rows.push_back(std::move(row));
  }
  std::sort(rows.begin(), rows.end(), [](const SocketRow& a, const SocketRow& b) {
    return std::tuple(b.counts.bytes, b.counts.writes, a.tid) < std::tuple(a.counts.bytes, a.counts.writes, b.tid);
  });
  if (rows.size() > 1) {
    rows.insert(rows.begin(), socket_row(all, seconds));
    rows.front().thread = "all threads";
  }
  return rows;
}

std::vector<OperationRow> operation_rows(const profile::Profile& profile) {
  const double seconds = seconds_of(profile);
  std::vector<OperationRow> rows;
  std::map<std::pair<std::string, std::string>, kernel::RegistryReading> registries;
  for (const kernel::RegistryReading& reading : profile.registries) {
    const auto [found, fresh] = registries.emplace(std::pair(reading.registry, reading.operation), reading);
    if (!fresh) profile::add(found->second, reading);
  }
  for (const auto& [key, reading] : registries) {
    OperationRow row{.object = reading.registry + " registry", .operation = reading.operation, .registry = true};
    row.count = reading.count;
    row.p50_ns = reading.wait.percentile(0.5);
    row.p99_ns = reading.wait.percentile(0.99);
    row.mean_hold_ns =
        reading.count == 0 ? 0 : static_cast<double>(reading.hold_ns) / static_cast<double>(reading.count);
    rows.push_back(std::move(row));
  }
  for (const kernel::MapReading& reading : profile.maps) {
    OperationRow row{.object = reading.map_name + " (" + reading.map_type + " " + std::to_string(reading.map_id) + ")",
                     .operation = reading.operation};
    row.count = reading.count;
    row.errors = reading.errors;
    row.p50_ns = reading.latency_ns.percentile(0.5);
    row.p99_ns = reading.latency_ns.percentile(0.99);
    rows.push_back(std::move(row));
  }
  for (OperationRow& row : rows) row.per_second = static_cast<double>(row.count) / seconds;
  std::stable_sort(rows.begin(), rows.end(), [](const OperationRow& a, const OperationRow& b) {
    return a.registry != b.registry ? a.registry : a.count > b.count;
  });
  return rows;
}

std::vector<LedgerRow> ledger_rows(const profile::Profile& profile) {
  std::vector<LedgerRow> rows;
  for (const LedgerEntry& entry : profile.ledger) {
    LedgerRow row{.source = entry.source, .produced = entry.produced, .delivered = entry.delivered};
    row.dropped = entry.dropped_total();
    for (const auto& [cause, count] : entry.missed) row.missed += count;
    row.balance = entry.balance();
    row.causes = joined(entry.dropped);
    if (const std::string missed = joined(entry.missed); !missed.empty())
      row.causes += (row.causes.empty() ? "never reached it: " : "; never reached it: ") + missed;
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<ProgramRow> program_rows(const profile::Profile& profile) {
  std::vector<ProgramRow> rows;
  const double ns = seconds_of(profile) * 1e9;
  for (const kernel::ProgramCost& program : profile.cost.programs) {
    const auto run_ns = static_cast<double>(program.run_ns);
    rows.push_back(
        {program.name, program.runs, program.runs == 0 ? 0 : run_ns / static_cast<double>(program.runs), run_ns / ns});
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const ProgramRow& a, const ProgramRow& b) { return a.cpu_share > b.cpu_share; });
  return rows;
}

std::vector<Note> notes(const profile::Profile& profile) {
  std::vector<Note> list;
  for (const kernel::Form& form : profile.target.forms) {
    const bool off = form.form == "none";
    if (!off && form.why.empty()) continue;
    list.push_back({Note::Kind::missing,
                    form.probe + ": " + (off ? "off" : form.form) + (form.why.empty() ? "" : ", " + form.why)});
  }
  if (const profile::CrossCheck check = profile::cross_check(profile); check.possible()) {
    const bool enough = check.enough();
    list.push_back({enough ? Note::Kind::agreement : Note::Kind::unsure,
                    (enough ? "the samplers agree to " + format_share(check.agreement, 1)
                            : std::string("too few samples to compare the samplers")) +
                        ": kernel " + std::to_string(check.kernel_samples) + ", in-process " +
                        std::to_string(check.inprocess_samples) + " samples"});
  }
  for (auto event = profile.events.rbegin(); event != profile.events.rend(); ++event)
    list.push_back({Note::Kind::event, event->text});
  return list;
}

}  // namespace fanlight::ui
