#include "load/metrics.hpp"

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <cmath>
#include <sstream>
#include <utility>
#include <vector>

#include "bpf/log_linear.h"

namespace fanlight::load {
namespace {

using Families = std::vector<prometheus::MetricFamily>;

prometheus::MetricFamily& family(Families& families, const char* name, const char* help, prometheus::MetricType type) {
  families.push_back({"fanlight_load_" + std::string(name), help, type, {}});
  return families.back();
}

void single(Families& families, const char* name, const char* help, double value, bool counter) {
  prometheus::ClientMetric metric;
  (counter ? metric.counter.value : metric.gauge.value) = value;
  family(families, name, help, counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge)
      .metric.push_back(std::move(metric));
}

prometheus::ClientMetric latency(const Shared& shared) {
  std::vector<std::uint64_t> counts(LivePool::kBuckets);
  for (const LivePool& pool : shared.pools())
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += pool.latency[i].load(std::memory_order_relaxed);
  prometheus::ClientMetric metric;
  std::uint64_t cumulative = 0;
  double sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    cumulative += counts[i];
    const double low = static_cast<double>(fanlight_bucket_low(static_cast<unsigned>(i), 3));
    const double bound = static_cast<double>(fanlight_bucket_low(static_cast<unsigned>(i) + 1, 3));
    sum += static_cast<double>(counts[i]) * (low + bound) / 2;
    constexpr double kFrom = 1 << 13, kTo = 1ull << 36;  // 8 us to 69 s
    if ((i + 1) % 8 == 0 && bound >= kFrom && bound <= kTo)
      metric.histogram.bucket.push_back({.cumulative_count = cumulative, .upper_bound = bound / 1e9});
  }
  metric.histogram.bucket.push_back({.cumulative_count = cumulative, .upper_bound = HUGE_VAL});
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = sum / 1e9;
  return metric;
}

}  // namespace

std::string metrics_text(const Running& running) {
  const Shared& shared = running.shared;
  Families families;
  struct Row {
    const char* name;
    const char* help;
    Counter LivePool::* counter;
    bool is_counter;
  };
  for (const Row& row :
       {Row{"streams", "Streams that stand.", &LivePool::streams, false},
        Row{"established_total", "Subscribers that have had a stream.", &LivePool::established, true},
        Row{"connect_failures_total", "Subscribers whose first attempt failed.", &LivePool::failed, true},
        Row{"cuts_total", "Streams ended by the server.", &LivePool::cuts, true},
        Row{"reconnects_total", "Streams that stood again.", &LivePool::reconnects, true},
        Row{"received_total", "Measured messages received.", &LivePool::received, true},
        Row{"gaps_total", "Times that a message before the one received was missing.", &LivePool::gaps, true},
        Row{"duplicates_total", "Messages received twice.", &LivePool::duplicates, true},
        Row{"malformed_total", "Messages, ids and comments that make no sense.", &LivePool::trouble, true},
        Row{"received_bytes_total", "Bytes of streams.", &LivePool::bytes, true}})
    single(families, row.name, row.help, static_cast<double>(shared.sum(row.counter)), row.is_counter);
  single(families, "published_total", "Messages that the server has answered.",
         static_cast<double>(shared->published.load()), true);
  unsigned wanted = 0;
  for (const auto& count : shared->wanted) wanted += count.load();
  single(families, "subscribers_wanted", "Subscribers asked for.", wanted, false);

  constexpr std::array<const char*, kClientStates> kNames{"idle", "syncing", "recovering"};
  auto& states = family(families, "clients", "Subscribers by state.", prometheus::MetricType::Gauge);
  for (std::size_t i = 0; i < kClientStates; ++i) {
    prometheus::ClientMetric metric;
    metric.label.push_back({"state", kNames[i]});
    for (const LivePool& pool : shared.pools()) metric.gauge.value += static_cast<double>(pool.states[i].load());
    states.metric.push_back(std::move(metric));
  }
  auto& cpu =
      family(families, "cpu_seconds_total", "CPU time of the tester's own threads.", prometheus::MetricType::Counter);
  const auto add_cpu = [&](const std::string& thread, std::uint64_t ns) {
    prometheus::ClientMetric metric;
    metric.label.push_back({"thread", thread});
    metric.counter.value = static_cast<double>(ns) / 1e9;
    cpu.metric.push_back(std::move(metric));
  };
  for (std::size_t i = 0; i < shared.pools().size(); ++i)
    add_cpu("subscribers-" + std::to_string(i), shared.pools()[i].cpu_ns.load());
  add_cpu("publisher", shared->publisher_cpu_ns.load());
  family(families, "latency_seconds", "From when a message was due to when it was received.",
         prometheus::MetricType::Histogram)
      .metric.push_back(latency(shared));
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return out.str();
}

}  // namespace fanlight::load
