#include <algorithm>
#include <map>

#include "collector/formats/report_network.hpp"
#include "collector/profile/merge.hpp"
#include "core/errno_name.hpp"
#include "core/units.hpp"
#include "ui/viewmodel/heatmap.hpp"
#include "ui/viewmodel/measured.hpp"
#include "ui/viewmodel/table_set.hpp"
#include "ui/viewmodel/tables.hpp"

namespace fanlight::ui {
namespace {

double number(std::uint64_t count) { return static_cast<double>(count); }

std::string failures(const kernel::SocketCounts& counts) {
  std::string tip;
  for (const auto& [error, count] : counts.by_errno)
    tip += (tip.empty() ? "" : ", ") + errno_name(error) + " " + format_count(number(count));
  return tip;
}

}  // namespace

Table clients_table(const profile::Profile& profile) {
  Table table{.title = "Clients",
              .columns = {{"peer", 0, false},
                          {"stalled", 60, true, "for so long nothing of its queue has been acknowledged"},
                          {"queued", 64, true, "written and not acknowledged"},
                          {"most", 64, true, "the fullest that the queue was seen"},
                          {"not sent", 64},
                          {"peer full", 60, true, "time in which the peer's window was full: it does not read"},
                          {"sent", 64},
                          {"retr.", 46, true, "segments sent again"},
                          {"rtt", 56},
                          {"state", 84, false}},
              .order = 1};
  if (const auto why = unmeasured(profile.target, kTcpConnections))
    table.empty = "TCP by connection: " + *why;
  else
    table.empty = "The target has no TCP connection, or none that stood out in this time.";
  const auto slow = formats::slow_clients(profile);
  std::vector<const kernel::ConnectionReading*> all;
  for (const kernel::ConnectionReading& one : profile.connections) all.push_back(&one);
  std::stable_sort(all.begin(), all.end(), [](const auto* a, const auto* b) {
    return std::pair(a->stalled_ns, a->most_queued_bytes) > std::pair(b->stalled_ns, b->most_queued_bytes);
  });
  for (const kernel::ConnectionReading* one : all) {
    const bool is_slow = std::find(slow.begin(), slow.end(), one) != slow.end();
    TableRow row;
    row.cells = {{.text = one->peer, .tone = is_slow ? Tone::bad : Tone::plain, .tip = one->peer + " to " + one->local},
                 time_cell(number(one->stalled_ns), is_slow ? Tone::bad : Tone::plain),
                 bytes_cell(number(one->queued_bytes)),
                 bytes_cell(number(one->most_queued_bytes)),
                 bytes_cell(number(one->unsent_bytes)),
                 time_cell(number(one->peer_limited_ns)),
                 bytes_cell(number(one->sent_bytes)),
                 count_cell(number(one->retransmits), Tone::warn),
                 time_cell(number(one->rtt_ns)),
                 text_cell(one->state, Tone::muted)};
    table.rows.push_back(std::move(row));
  }
  if (!all.empty())
    table.note =
        slow.empty() ? "none is slow" : std::to_string(slow.size()) + (slow.size() == 1 ? " is slow" : " are slow");
  return table;
}

Table sockets_table(const profile::Profile& profile) {
  Table table{.title = "Socket writes",
              .columns = {{"thread", 0, false},
                          {"writes", 68},
                          {"bytes", 74},
                          {"a write", 60},
                          {"would block", 76, true, "EAGAIN: the socket's buffer was full"},
                          {"errors", 50}},
              .empty = no_sockets(profile.target),
              .order = 2};
  for (const SocketRow& one : socket_rows(profile)) {
    TableRow row{.pinned = one.tid == 0};
    if (one.tid != 0) row.choose = {Choose::What::thread, one.thread};
    const Tone tone = row.pinned ? Tone::accent : Tone::plain;
    row.cells = {text_cell(one.thread, tone),
                 rate_cell(one.writes_per_second, tone),
                 {.text = format_bytes(one.bytes_per_second) + "/s", .number = one.bytes_per_second, .tone = tone},
                 bytes_cell(one.bytes_per_write, Tone::muted),
                 count_cell(number(one.counts.would_block), Tone::warn),
                 count_cell(number(one.counts.errors), Tone::bad)};
    row.cells[5].tip = failures(one.counts);
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table tcp_table(const profile::Profile& profile) {
  Table table{.title = "What the kernel counts",
              .columns = {{"what", 0, false}, {"count", 66}, {"p50", 58}, {"p99", 58}, {"max", 58}}};
  if (const auto why = unmeasured(profile.target, kTcpConnections))
    table.empty = "TCP: " + *why;
  else
    table.empty = "Nothing of TCP was counted in this time.";
  for (const profile::Metric& one : profile.metrics) {
    if (!profile::of_kernel(one)) continue;
    std::string what = one.name.substr(profile::kKernelPrefix.size());
    if (what.starts_with("tcp_")) what.erase(0, 4);
    std::replace(what.begin(), what.end(), '_', ' ');
    TableRow row{.cells = {text_cell(what)}};
    const bool bad = what.find("retransmit") != std::string::npos || what.find("slow") != std::string::npos ||
                     what.find("reset") != std::string::npos || what.find("failed") != std::string::npos;
    if (one.kind == profile::Metric::Kind::histogram) {
      row.cells.push_back(count_cell(number(one.histogram.count())));
      for (const double fraction : {0.5, 0.99, 1.0})
        row.cells.push_back(time_cell(number(one.histogram.percentile(fraction))));
    } else {
      const bool bytes = what.ends_with("bytes");
      row.cells.push_back(bytes ? bytes_cell(one.value) : count_cell(one.value, bad ? Tone::warn : Tone::plain));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table operations_table(const profile::Profile& profile) {
  Table table{.title = "Map and registry operations",
              .note = "kernel maps and the target's own, on one axis",
              .columns = {{"object", 0, false},
                          {"operation", 80, false},
                          {"rate", 66},
                          {"time", 62, true, "of all of them together"},
                          {"failed", 50},
                          {"p50", 56},
                          {"p99", 56},
                          {"held", 58, true, "registry: its lock, on average"}},
              .empty = no_operations(profile.target),
              .order = 2};
  std::map<std::pair<std::string, std::string>, double> map_ns, registry_ns;
  for (const kernel::MapReading& one : profile.maps)
    map_ns[{one.map_name + " (" + one.map_type + " " + std::to_string(one.map_id) + ")", one.operation}] +=
        number(one.total_ns);
  for (const kernel::RegistryReading& one : profile.registries)
    registry_ns[{one.registry + " registry", one.operation}] += number(one.wait_ns + one.hold_ns);
  for (const OperationRow& one : operation_rows(profile)) {
    const auto& times = one.registry ? registry_ns : map_ns;
    const auto found = times.find({one.object, one.operation});
    TableRow row;
    row.cells = {text_cell(one.object),
                 text_cell(one.operation, Tone::muted),
                 rate_cell(one.per_second),
                 time_cell(found == times.end() ? 0 : found->second),
                 one.registry ? missing_cell() : count_cell(number(one.errors), Tone::bad),
                 time_cell(number(one.p50_ns)),
                 time_cell(number(one.p99_ns)),
                 one.registry ? time_cell(one.mean_hold_ns) : missing_cell()};
    if (one.registry) row.cells[5].tip = row.cells[6].tip = "the wait for the registry's lock";
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table map_states_table(const profile::Profile& profile) {
  Table table{.title = "BPF maps",
              .note = "how full they are",
              .columns = {{"map", 0, false}, {"type", 90, false}, {"entries", 64}, {"room", 64}, {"full", 58}},
              .order = 4};
  if (const auto why = unmeasured(profile.target, kMapOccupancy))
    table.empty = "BPF maps: " + *why;
  else
    table.empty = "The target holds no BPF map.";
  for (const kernel::MapState& one : profile.map_states) {
    const double share = one.entries && one.max_entries > 0 ? number(*one.entries) / number(one.max_entries) : 0;
    TableRow row;
    row.cells = {text_cell(one.name + "  " + std::to_string(one.map_id)), text_cell(one.type, Tone::muted),
                 one.entries ? count_cell(number(*one.entries)) : missing_cell(), count_cell(number(one.max_entries)),
                 one.entries ? share_cell(share, share > 0.9 ? Tone::warn : Tone::plain) : missing_cell()};
    if (one.entries) row.cells[4].bar = share;
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table locks_table(const profile::Profile& profile) {
  Table table{.title = "Locks",
              .columns = {{"lock", 0, false},
                          {"held by", 120, false, "who held it most often when somebody began to wait"},
                          {"waits", 64},
                          {"waited", 62},
                          {"share", 58, true, "of one thread's time in this range"},
                          {"p50", 56},
                          {"p99", 56},
                          {"max", 56}},
              .order = 3};
  if (const auto why = unmeasured(profile.target, kScheduler))
    table.empty = "Locks: " + *why;
  else
    table.empty = "No thread waited for a lock in this time.";
  const double range = seconds_of(profile) * 1e9;
  for (const profile::Lock& one : profile.locks) {
    char address[32];
    std::snprintf(address, sizeof address, "0x%llx", static_cast<unsigned long long>(one.address));
    const double share = number(one.wait_ns) / range;
    TableRow row;
    row.cells = {{.text = one.name.empty() ? address : one.name, .tip = std::string(address)},
                 text_cell(one.holder.empty() ? "-" : one.holder, one.holder.empty() ? Tone::faint : Tone::warn),
                 rate_cell(number(one.waits) / seconds_of(profile)),
                 time_cell(number(one.wait_ns)),
                 share_cell(share, share > 0.1 ? Tone::bad : Tone::plain)};
    row.cells.back().bar = std::min(1.0, share);
    for (const double fraction : {0.5, 0.99, 1.0})
      row.cells.push_back(time_cell(number(one.wait.percentile(fraction))));
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace fanlight::ui
