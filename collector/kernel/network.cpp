#include "collector/kernel/network.hpp"

#include <algorithm>
#include <cstring>

#include "collector/kernel/slow.hpp"

namespace fanlight::kernel {

std::vector<MetricReading> network_metrics(const fanlight_network& network,
                                           std::span<const ConnectionReading> connections) {
  // The kernel's memory, mapped, and programs write to it: copied once.
  fanlight_network now;
  std::memcpy(&now, &network, sizeof now);
  std::vector<MetricReading> metrics;
  using Kind = MetricReading::Kind;
  const auto counter = [&](const char* name, std::uint64_t value) {
    if (value > 0) metrics.push_back({name, Kind::counter, static_cast<double>(value), {}});
  };
  const auto gauge = [&](const char* name, std::uint64_t value) {
    metrics.push_back({name, Kind::gauge, static_cast<double>(value), {}});
  };
  const auto histogram = [&](const char* name, const __u32(&counts)[FANLIGHT_HISTOGRAM_BUCKETS]) {
    auto made = KernelHistogram::from_counts(std::span<const __u32>(counts));
    if (made.count() > 0) metrics.push_back({name, Kind::histogram, 0, std::move(made)});
  };
  counter("kernel_tcp_connects", now.opened);
  counter("kernel_tcp_connects_failed", now.refused);
  counter("kernel_tcp_accepts", now.accepted);
  counter("kernel_tcp_closes", now.closed);
  counter("kernel_tcp_retransmits", now.retransmits);
  counter("kernel_tcp_syn_retransmits", now.syn_retransmits);
  counter("kernel_tcp_synack_retransmits", now.synack_retransmits);
  counter("kernel_tcp_resets_sent", now.resets_sent);
  counter("kernel_tcp_resets_received", now.resets_received);
  counter("kernel_tcp_writes_timed", now.marked);
  histogram("kernel_tcp_connect", now.connect);
  histogram("kernel_tcp_handshake", now.handshake);
  histogram("kernel_tcp_write", now.call);
  histogram("kernel_tcp_write_acknowledged", now.acknowledged);
  std::uint64_t queued = 0;
  for (const ConnectionReading& connection : connections) queued += connection.queued_bytes;
  if (!connections.empty() || !metrics.empty()) {
    gauge("kernel_tcp_connections", connections.size());
    gauge("kernel_tcp_queued_bytes", queued);
    gauge("kernel_tcp_slow_clients", static_cast<std::uint64_t>(std::ranges::count_if(connections, is_slow)));
  }
  return metrics;
}

}  // namespace fanlight::kernel
