#include "collector/serve/metrics.hpp"

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "collector/kernel/slow.hpp"
#include "core/errno_name.hpp"

namespace fanlight::serve {
namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

/// Families in order of first use; a family's samples stand together, as the format asks.
class Page {
 public:
  void counter(const std::string& name, const std::string& help, double value, const Labels& labels = {}) {
    prometheus::ClientMetric metric = labelled(labels);
    metric.counter.value = value;
    family(name, help, prometheus::MetricType::Counter).metric.push_back(std::move(metric));
  }
  void gauge(const std::string& name, const std::string& help, double value, const Labels& labels = {}) {
    prometheus::ClientMetric metric = labelled(labels);
    metric.gauge.value = value;
    family(name, help, prometheus::MetricType::Gauge).metric.push_back(std::move(metric));
  }
  void histogram(const std::string& name, const std::string& help, const KernelHistogram& ns,
                 const Labels& labels = {}) {
    prometheus::ClientMetric metric = labelled(labels);
    std::uint64_t cumulative = 0;
    // One Prometheus bucket per power of four: the kernel's own buckets would be hundreds of series per thread.
    constexpr unsigned kStep = 2u << KernelHistogram::kBits;
    const auto counts = ns.counts();
    for (std::size_t i = 0; i < counts.size(); ++i) {
      cumulative += counts[i];
      if ((i + 1) % kStep != 0 || cumulative == 0) continue;
      const double bound =
          static_cast<double>(fanlight_bucket_low(static_cast<unsigned>(i) + 1, KernelHistogram::kBits));
      metric.histogram.bucket.push_back({.cumulative_count = cumulative, .upper_bound = bound / 1e9});
    }
    metric.histogram.bucket.push_back({.cumulative_count = cumulative, .upper_bound = HUGE_VAL});
    metric.histogram.sample_count = ns.count();
    metric.histogram.sample_sum = ns.sum() / 1e9;
    family(name, help, prometheus::MetricType::Histogram).metric.push_back(std::move(metric));
  }
  std::string text() const {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families_);
    return out.str();
  }

 private:
  static prometheus::ClientMetric labelled(const Labels& labels) {
    prometheus::ClientMetric metric;
    for (const auto& [name, value] : labels) metric.label.push_back({.name = name, .value = value});
    return metric;
  }
  prometheus::MetricFamily& family(const std::string& name, const std::string& help, prometheus::MetricType type) {
    const auto [place, added] = place_.try_emplace(name, families_.size());
    if (added) {
      families_.emplace_back();
      families_.back().name = name;
      families_.back().help = help;
      families_.back().type = type;
    }
    return families_[place->second];
  }

  std::vector<prometheus::MetricFamily> families_;
  std::map<std::string, std::size_t> place_;
};

std::string metric_name(const std::string& name, const char* prefix) {
  std::string out = prefix;
  for (const char c : name) out += (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_') ? c : '_';
  return out;
}

std::string hexadecimal(std::uint64_t value) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%llx", static_cast<unsigned long long>(value));
  return text.data();
}

void add_write_errors(Page& page, const kernel::SocketCounts& socket, const Labels& labels) {
  const auto sample = [&](std::string name, std::uint64_t count) {
    Labels all = labels;
    all.emplace_back("errno", std::move(name));
    page.counter("fanlight_socket_write_errors_total", "Writes that failed otherwise, by errno.",
                 static_cast<double>(count), all);
  };
  std::uint64_t known = 0;
  for (const auto& [number, count] : socket.by_errno) {
    sample(errno_name(number), count);
    known += count;
  }
  // What the kernel's table had no room for. A sum over the label stays the whole.
  if (socket.errors > known) sample("unknown", socket.errors - known);
}

void add_threads(Page& page, const profile::Profile& profile) {
  for (const profile::Thread& thread : profile.threads) {
    const std::string tid = std::to_string(thread.tid);
    for (std::size_t i = 0; i < kReasons; ++i) {
      if (thread.ns[i] == 0) continue;
      const Reason reason = static_cast<Reason>(i);
      page.counter("fanlight_thread_seconds_total", "Time of each thread by state and reason.",
                   static_cast<double>(thread.ns[i]) / 1e9,
                   {{"thread", thread.name},
                    {"tid", tid},
                    {"state", std::string(name_of(state_of(reason)))},
                    {"reason", std::string(name_of(reason))}});
    }
  }
  for (const profile::Thread& thread : profile.threads) {
    const Labels labels{{"thread", thread.name}, {"tid", std::to_string(thread.tid)}};
    page.counter("fanlight_thread_switches_voluntary_total", "Context switches because the thread blocked.",
                 static_cast<double>(thread.switches_voluntary), labels);
    page.counter("fanlight_thread_switches_preempted_total", "Context switches while the thread could have gone on.",
                 static_cast<double>(thread.switches_preempted), labels);
    page.counter("fanlight_thread_migrations_total", "Times the thread came back on another CPU.",
                 static_cast<double>(thread.migrations), labels);
    page.counter("fanlight_socket_writes_total", "Writes to sockets, failed ones included.",
                 static_cast<double>(thread.socket.writes), labels);
    page.counter("fanlight_socket_write_bytes_total", "Bytes that the kernel took.",
                 static_cast<double>(thread.socket.bytes), labels);
    page.counter("fanlight_socket_write_would_block_total", "Writes that failed with EAGAIN.",
                 static_cast<double>(thread.socket.would_block), labels);
    add_write_errors(page, thread.socket, labels);
  }
  KernelHistogram run_queue;
  for (const profile::Thread& thread : profile.threads) run_queue.merge(thread.run_queue_ns);
  page.histogram("fanlight_run_queue_seconds", "From woken or preempted until running, all threads.", run_queue);
}

void add_operations(Page& page, const profile::Profile& profile) {
  for (const kernel::MapReading& map : profile.maps) {
    const Labels labels{{"map", map.map_name},
                        {"id", std::to_string(map.map_id)},
                        {"type", map.map_type},
                        {"operation", map.operation}};
    page.counter("fanlight_map_operations_total", "Map commands through bpf(2).", static_cast<double>(map.count),
                 labels);
    page.counter("fanlight_map_operation_errors_total", "Of those, failed.", static_cast<double>(map.errors), labels);
    page.counter("fanlight_map_operation_seconds_total", "Time spent in them.", static_cast<double>(map.total_ns) / 1e9,
                 labels);
    page.histogram("fanlight_map_operation_duration_seconds", "How long map commands took.", map.latency_ns, labels);
  }
  for (const profile::Lock& lock : profile.locks) {
    const Labels labels{{"lock", lock.name.empty() ? "0x" + hexadecimal(lock.address) : lock.name}};
    page.counter("fanlight_lock_waits_total", "Waits for a lock of the target.", static_cast<double>(lock.waits),
                 labels);
    page.histogram("fanlight_lock_wait_seconds", "How long waits for a lock took.", lock.wait, labels);
  }
  for (const kernel::RegistryReading& registry : profile.registries) {
    const Labels labels{
        {"registry", registry.registry}, {"shard", std::to_string(registry.shard)}, {"operation", registry.operation}};
    page.counter("fanlight_registry_operations_total", "Operations on the target's own registry.",
                 static_cast<double>(registry.count), labels);
    page.counter("fanlight_registry_wait_seconds_total", "Waiting for the registry's lock.",
                 static_cast<double>(registry.wait_ns) / 1e9, labels);
    page.counter("fanlight_registry_hold_seconds_total", "Holding the registry's lock.",
                 static_cast<double>(registry.hold_ns) / 1e9, labels);
    page.histogram("fanlight_registry_wait_duration_seconds", "How long waits for the registry's lock took.",
                   registry.wait, labels);
  }
}

void add_connections(Page& page, const profile::Profile& profile) {
  // A client has no name that stays, so only those that stand out now are told apart.
  for (const kernel::ConnectionReading& connection : profile.connections) {
    if (!kernel::is_slow(connection)) continue;
    const Labels labels{{"peer", connection.peer}};
    page.gauge("fanlight_slow_client_queued_bytes", "Written to a client whose queue does not drain.",
               static_cast<double>(connection.queued_bytes), labels);
    page.gauge("fanlight_slow_client_stalled_seconds", "For how long it has acknowledged nothing.",
               static_cast<double>(connection.stalled_ns) / 1e9, labels);
  }
  for (const kernel::MapState& map : profile.map_states) {
    const Labels labels{{"map", map.name}, {"id", std::to_string(map.map_id)}, {"type", map.type}};
    page.gauge("fanlight_map_max_entries", "Room in a BPF map of the target.", static_cast<double>(map.max_entries),
               labels);
    if (map.entries)
      page.gauge("fanlight_map_entries", "Entries in a BPF map of the target.", static_cast<double>(*map.entries),
                 labels);
  }
}

void add_ledger(Page& page, const profile::Profile& profile) {
  for (const LedgerEntry& entry : profile.ledger) {
    page.counter("fanlight_ledger_produced_total", "Records that a probe tried to hand over.",
                 static_cast<double>(entry.produced), {{"source", entry.source}});
    page.counter("fanlight_ledger_delivered_total", "Records decoded by the collector.",
                 static_cast<double>(entry.delivered), {{"source", entry.source}});
    for (const auto& [cause, count] : entry.dropped) {
      page.counter("fanlight_ledger_dropped_total", "Records lost, by cause.", static_cast<double>(count),
                   {{"source", entry.source}, {"cause", cause}});
    }
    for (const auto& [cause, count] : entry.missed) {
      page.counter("fanlight_ledger_missed_total", "What never reached a probe, by cause.", static_cast<double>(count),
                   {{"source", entry.source}, {"cause", cause}});
    }
  }
}

void add_cost(Page& page, const profile::Profile& profile) {
  page.counter("fanlight_collector_cpu_seconds_total", "CPU time of the collector itself.",
               static_cast<double>(profile.cost.cpu_ns) / 1e9);
  page.gauge("fanlight_collector_resident_bytes", "Resident memory of the collector.",
             static_cast<double>(profile.cost.resident_bytes));
  for (const kernel::ProgramCost& program : profile.cost.programs) {
    page.counter("fanlight_program_runs_total", "Runs of each kernel program.", static_cast<double>(program.runs),
                 {{"program", program.name}});
    page.counter("fanlight_program_seconds_total", "Time spent in each kernel program.",
                 static_cast<double>(program.run_ns) / 1e9, {{"program", program.name}});
  }
}

void add_target(Page& page, const profile::Profile& profile) {
  page.gauge("fanlight_target_info", "The process that is watched.", 1,
             {{"name", profile.target.name}, {"pid", std::to_string(profile.target.pid)}});
  for (const profile::Metric& metric : profile.metrics) {
    const bool kernel = profile::of_kernel(metric);
    const std::string name = metric_name(metric.name, kernel ? "fanlight_" : "fanlight_target_");
    const char* const help = kernel ? "Kept by the kernel of the target." : "Published by the target.";
    switch (metric.kind) {
      case profile::Metric::Kind::counter: page.counter(name + "_total", help, metric.value); break;
      case profile::Metric::Kind::gauge: page.gauge(name, help, metric.value); break;
      case profile::Metric::Kind::histogram: page.histogram(name + "_seconds", help, metric.histogram); break;
    }
  }
}

}  // namespace

std::string metrics_text(const profile::Profile& since_attach) {
  Page page;
  add_target(page, since_attach);
  add_threads(page, since_attach);
  add_operations(page, since_attach);
  add_connections(page, since_attach);
  add_ledger(page, since_attach);
  add_cost(page, since_attach);
  return page.text();
}

}  // namespace fanlight::serve
