#include "collector/profile/growth.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <string>
#include <tuple>
#include <utility>

namespace fanlight::profile {
namespace {

using Counts = std::map<std::string, std::uint64_t>;

bool shrank(const Counts& before, const Counts& now) {
  return std::any_of(before.begin(), before.end(), [&](const auto& entry) {
    const auto found = now.find(entry.first);
    return found == now.end() ? entry.second > 0 : found->second < entry.second;
  });
}

Counts less(Counts now, const Counts& before) {
  for (auto& [cause, count] : now) {
    if (const auto found = before.find(cause); found != before.end()) count -= found->second;
  }
  return now;
}

std::uint64_t sum_of(const PerReason& ns) { return std::accumulate(ns.begin(), ns.end(), std::uint64_t{0}); }

/// Counters of one kind: the difference, or all of `now` when it began anew.
std::uint64_t counter(std::uint64_t before, std::uint64_t now) { return now >= before ? now - before : now; }

PerReason grown(const PerReason& before, const PerReason& now) {
  PerReason growth{};
  std::uint64_t debt = 0;
  for (std::size_t i = 0; i < kReasons; ++i) {
    if (now[i] >= before[i]) {
      growth[i] = now[i] - before[i];
    } else {
      debt += before[i] - now[i];
    }
  }
  while (debt > 0) {
    std::uint64_t& largest = *std::max_element(growth.begin(), growth.end());
    if (largest == 0) break;  // only when the whole shrank, which is no life that goes on
    const std::uint64_t paid = std::min(debt, largest);
    largest -= paid;
    debt -= paid;
  }
  return growth;
}

}  // namespace

KernelHistogram growth(const KernelHistogram& before, const KernelHistogram& now) {
  const auto old = before.counts();
  std::vector<std::uint64_t> counts(now.counts().begin(), now.counts().end());
  bool began_anew = false;
  for (std::size_t i = 0; i < old.size() && !began_anew; ++i) {
    began_anew = old[i] > (i < counts.size() ? counts[i] : 0);
  }
  if (!began_anew) {
    for (std::size_t i = 0; i < std::min(old.size(), counts.size()); ++i) counts[i] -= old[i];
  }
  while (!counts.empty() && counts.back() == 0) counts.pop_back();
  return KernelHistogram::from_counts(std::span<const std::uint64_t>(counts));
}

kernel::SocketCounts growth(const kernel::SocketCounts& before, const kernel::SocketCounts& now) {
  if (now.writes < before.writes || now.bytes < before.bytes || now.would_block < before.would_block ||
      now.errors < before.errors) {
    return now;
  }
  kernel::SocketCounts growth_of{now.writes - before.writes, now.bytes - before.bytes,
                                 now.would_block - before.would_block, now.errors - before.errors};
  for (const auto& [number, count] : now.by_errno) {
    const auto old = before.by_errno.find(number);
    const std::uint64_t more = counter(old == before.by_errno.end() ? 0 : old->second, count);
    if (more > 0) growth_of.by_errno[number] = more;
  }
  return growth_of;
}

bool same_life(const kernel::ThreadReading& before, const kernel::ThreadReading& now) {
  return before.tid == now.tid && before.from_ns == now.from_ns && before.to_ns <= now.to_ns &&
         sum_of(before.ns) <= sum_of(now.ns);
}

kernel::ThreadReading growth(const kernel::ThreadReading& before, const kernel::ThreadReading& now) {
  if (!same_life(before, now)) return now;
  kernel::ThreadReading growth_of = now;
  growth_of.from_ns = before.to_ns;
  growth_of.ns = grown(before.ns, now.ns);
  for (auto& [labels, ns] : growth_of.label_ns) {
    const auto known = before.label_ns.find(labels);
    if (known != before.label_ns.end()) ns = grown(known->second, ns);
  }
  growth_of.switches_voluntary = counter(before.switches_voluntary, now.switches_voluntary);
  growth_of.switches_preempted = counter(before.switches_preempted, now.switches_preempted);
  growth_of.migrations = counter(before.migrations, now.migrations);
  growth_of.wakeups = counter(before.wakeups, now.wakeups);
  growth_of.run_queue_ns = growth(before.run_queue_ns, now.run_queue_ns);
  growth_of.socket = growth(before.socket, now.socket);
  return growth_of;
}

kernel::MapReading growth(const kernel::MapReading& before, const kernel::MapReading& now) {
  if (now.count < before.count || now.errors < before.errors || now.total_ns < before.total_ns) return now;
  kernel::MapReading growth_of = now;
  growth_of.count -= before.count;
  growth_of.errors -= before.errors;
  growth_of.total_ns -= before.total_ns;
  growth_of.latency_ns = growth(before.latency_ns, now.latency_ns);
  return growth_of;
}

kernel::RegistryReading growth(const kernel::RegistryReading& before, const kernel::RegistryReading& now) {
  if (now.count < before.count || now.wait_ns < before.wait_ns || now.hold_ns < before.hold_ns) return now;
  kernel::RegistryReading growth_of = now;
  growth_of.count -= before.count;
  growth_of.wait_ns -= before.wait_ns;
  growth_of.hold_ns -= before.hold_ns;
  growth_of.wait = growth(before.wait, now.wait);
  return growth_of;
}

kernel::ConnectionReading growth(const kernel::ConnectionReading& before, const kernel::ConnectionReading& now) {
  kernel::ConnectionReading growth_of = now;
  growth_of.watched_ns = counter(before.watched_ns, now.watched_ns);
  growth_of.sent_bytes = counter(before.sent_bytes, now.sent_bytes);
  growth_of.acknowledged_bytes = counter(before.acknowledged_bytes, now.acknowledged_bytes);
  growth_of.received_bytes = counter(before.received_bytes, now.received_bytes);
  growth_of.retransmits = counter(before.retransmits, now.retransmits);
  growth_of.busy_ns = counter(before.busy_ns, now.busy_ns);
  growth_of.peer_limited_ns = counter(before.peer_limited_ns, now.peer_limited_ns);
  growth_of.buffer_limited_ns = counter(before.buffer_limited_ns, now.buffer_limited_ns);
  growth_of.most_queued_bytes = std::max(before.queued_bytes, now.queued_bytes);
  return growth_of;
}

std::vector<kernel::MetricReading> growth(const std::vector<kernel::MetricReading>& before,
                                          const std::vector<kernel::MetricReading>& now) {
  using Kind = kernel::MetricReading::Kind;
  std::vector<kernel::MetricReading> all;
  for (const kernel::MetricReading& metric : now) {
    const auto old = std::ranges::find(before, metric.name, &kernel::MetricReading::name);
    kernel::MetricReading growth_of = metric;
    if (old != before.end() && metric.kind == Kind::counter && metric.value >= old->value)
      growth_of.value = metric.value - old->value;
    if (old != before.end() && metric.kind == Kind::histogram)
      growth_of.histogram = growth(old->histogram, metric.histogram);
    if (metric.kind == Kind::gauge || growth_of.value > 0 || growth_of.histogram.count() > 0)
      all.push_back(std::move(growth_of));
  }
  return all;
}

LedgerEntry growth(const LedgerEntry& before, const LedgerEntry& now) {
  // An entry begins anew as a whole: the balance of a half-subtracted one would mean nothing.
  if (now.produced < before.produced || now.delivered < before.delivered || shrank(before.dropped, now.dropped) ||
      shrank(before.missed, now.missed)) {
    return now;
  }
  return {now.source, now.produced - before.produced, now.delivered - before.delivered,
          less(now.dropped, before.dropped), less(now.missed, before.missed)};
}

Ledger growth(const Ledger& before, const Ledger& now) {
  Ledger all;
  all.reserve(now.size());
  for (const LedgerEntry& entry : now) {
    const auto old = std::find_if(before.begin(), before.end(),
                                  [&](const LedgerEntry& candidate) { return candidate.source == entry.source; });
    all.push_back(old == before.end() ? entry : growth(*old, entry));
  }
  return all;
}

Growth growth(const kernel::Reading& before, const kernel::Reading& now) {
  Growth all{.from_ns = before.time_ns, .to_ns = now.time_ns};

  std::map<std::pair<pid_t, std::uint64_t>, const kernel::ThreadReading*> lives;
  for (const auto& thread : before.threads) lives[{thread.tid, thread.from_ns}] = &thread;
  for (const auto& thread : now.threads) {
    const auto old = lives.find({thread.tid, thread.from_ns});
    if (old == lives.end()) {
      all.threads.push_back(thread);
    } else if (!old->second->ended || !same_life(*old->second, thread)) {
      all.threads.push_back(growth(*old->second, thread));
    }
  }

  std::map<std::pair<std::uint32_t, std::string>, const kernel::MapReading*> maps;
  for (const auto& map : before.maps) maps[{map.map_id, map.operation}] = &map;
  for (const auto& map : now.maps) {
    const auto old = maps.find({map.map_id, map.operation});
    auto grown_by = old == maps.end() ? map : growth(*old->second, map);
    if (grown_by.count > 0 || grown_by.total_ns > 0) all.maps.push_back(std::move(grown_by));
  }

  std::map<std::tuple<std::string, std::uint32_t, std::string>, const kernel::RegistryReading*> registries;
  for (const auto& registry : before.registries) {
    registries[{registry.registry, registry.shard, registry.operation}] = &registry;
  }
  for (const auto& registry : now.registries) {
    const auto old = registries.find({registry.registry, registry.shard, registry.operation});
    auto grown_by = old == registries.end() ? registry : growth(*old->second, registry);
    if (grown_by.count > 0 || grown_by.wait_ns > 0 || grown_by.hold_ns > 0) {
      all.registries.push_back(std::move(grown_by));
    }
  }

  std::map<std::uint64_t, const kernel::ConnectionReading*> connections;
  for (const auto& connection : before.connections) connections[connection.id] = &connection;
  for (const auto& connection : now.connections) {
    const auto old = connections.find(connection.id);
    all.connections.push_back(old == connections.end() ? connection : growth(*old->second, connection));
  }
  all.metrics = growth(before.metrics, now.metrics);

  for (const auto& program : now.programs) {
    const auto old = std::find_if(before.programs.begin(), before.programs.end(),
                                  [&](const auto& candidate) { return candidate.name == program.name; });
    if (old == before.programs.end() || program.runs < old->runs || program.run_ns < old->run_ns) {
      all.programs.push_back(program);
    } else {
      all.programs.push_back({program.name, program.runs - old->runs, program.run_ns - old->run_ns});
    }
  }
  all.ledger = growth(before.ledger, now.ledger);
  return all;
}

}  // namespace fanlight::profile
