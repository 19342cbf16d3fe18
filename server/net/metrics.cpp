#include "server/net/metrics.hpp"

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <cstdint>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fanlight::server::net {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

ClientMetric labelled(const Labels& labels) {
  ClientMetric metric;
  for (const auto& [name, value] : labels)
    metric.label.push_back({.name = std::string(name), .value = std::string(value)});
  return metric;
}

/// The families of one page, in the order they are begun; samples go to the one begun last.
class Page {
 public:
  void counter(std::string_view name, std::string_view help) { begin(name, help, MetricType::Counter); }
  void gauge(std::string_view name, std::string_view help) { begin(name, help, MetricType::Gauge); }

  void sample(double value, const Labels& labels = {}) {
    MetricFamily& family = families_.back();
    ClientMetric metric = labelled(labels);
    (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    family.metric.push_back(std::move(metric));
  }
  void sample(std::uint64_t value, const Labels& labels = {}) { sample(static_cast<double>(value), labels); }

  /// Four buckets per power of ten that is common between a microsecond and ten seconds.
  void histogram(std::string_view name, std::string_view help, const KernelHistogram& ns) {
    begin(name, help, MetricType::Histogram);
    ClientMetric metric;
    const auto counts = ns.counts();
    std::uint64_t cumulative = 0;
    std::size_t next = 0;
    for (const double bound :
         {1e3, 1e4, 2.5e4, 5e4, 1e5, 2.5e5, 5e5, 1e6, 2.5e6, 5e6, 1e7, 2.5e7, 5e7, 1e8, 2.5e8, 5e8, 1e9, 1e10}) {
      // A bucket that straddles the bound counts as above it: a share below a bound is never overstated.
      while (next < counts.size() &&
             static_cast<double>(fanlight_bucket_low(static_cast<unsigned>(next) + 1, KernelHistogram::kBits) - 1) <=
                 bound) {
        cumulative += counts[next++];
      }
      metric.histogram.bucket.push_back({.cumulative_count = cumulative, .upper_bound = bound / 1e9});
    }
    metric.histogram.bucket.push_back(
        {.cumulative_count = ns.count(), .upper_bound = std::numeric_limits<double>::infinity()});
    metric.histogram.sample_count = ns.count();
    metric.histogram.sample_sum = ns.sum() / 1e9;
    families_.back().metric.push_back(std::move(metric));
  }

  std::string text() const {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families_);
    return std::move(out).str();
  }

 private:
  void begin(std::string_view name, std::string_view help, MetricType type) {
    MetricFamily family;
    family.name = "fanlight_server_" + std::string(name);
    family.help = help;
    family.type = type;
    families_.push_back(std::move(family));
  }

  std::vector<MetricFamily> families_;
};

/// One sample per wire form.
template <class Get>
void by_wire(Page& page, const Reading& reading, Get&& get) {
  for (const codec::Wire wire : codec::kAllWires) {
    page.sample(get(reading.workers.wires[index_of(wire)]), {{"transport", name_of(wire)}});
  }
}

void add_publishing(Page& page, const Reading& reading) {
  page.counter("publishes_total", "Messages taken from publishers.");
  page.sample(reading.published.messages);
  page.counter("published_bytes_total", "Payload of those messages.");
  page.sample(reading.published.bytes);
  page.counter("frames_encoded_total", "Frames made, by wire form; at most one per message and form.");
  for (const codec::Wire wire : codec::kAllWires) {
    page.sample(reading.published.encoded[index_of(wire)], {{"transport", name_of(wire)}});
  }
}

void add_deliveries(Page& page, const Reading& reading) {
  using hub::WireReading;
  page.counter("offered_total",
               "Deliveries asked for: a message for a subscriber. Equals delivered, dropped and queued.");
  by_wire(page, reading, [](const WireReading& wire) { return wire.offered; });
  page.counter("deliveries_total", "Events that the kernel took whole.");
  by_wire(page, reading, [](const WireReading& wire) { return wire.delivered; });
  page.counter("dropped_frames_total", "Deliveries that did not happen, by cause.");
  for (const codec::Wire wire : codec::kAllWires) {
    for (std::size_t cause = 0; cause < hub::kDrops; ++cause) {
      page.sample(reading.workers.wires[index_of(wire)].dropped[cause],
                  {{"transport", name_of(wire)}, {"cause", hub::kDropNames[cause]}});
    }
  }
  page.gauge("queued_frames", "Deliveries that wait, by place.");
  for (const codec::Wire wire : codec::kAllWires) {
    const WireReading& counts = reading.workers.wires[index_of(wire)];
    page.sample(counts.queued_inbox, {{"transport", name_of(wire)}, {"place", "inbox"}});
    page.sample(counts.queued_outbox, {{"transport", name_of(wire)}, {"place", "outbox"}});
  }
  page.histogram(
      "delivery_latency_seconds",
      "From a publisher's request read to its event handed to the kernel, one value per delivery. The clock is "
      "read once per 16 sends, so values are up to that long too high.",
      reading.workers.delivery_latency_ns);
  page.counter("sends_total", "Calls that wrote to subscribers.");
  page.sample(reading.workers.sends);
  page.counter("sends_would_block_total", "Of those, refused because the socket's buffer was full.");
  page.sample(reading.workers.would_block);
}

void add_connections(Page& page, const Reading& reading) {
  using hub::WireReading;
  page.gauge("connections", "Open connections; http: those that have not become subscribers.");
  by_wire(page, reading, [](const WireReading& wire) { return wire.sessions; });
  page.sample(reading.desks.connections, {{"transport", "http"}});
  page.counter("connections_accepted_total", "Connections accepted, refused ones included.");
  page.sample(reading.desks.accepted);
  page.counter("connections_refused_total", "Connections beyond --max-connections.");
  page.sample(reading.desks.refused);
  page.counter("subscriptions_total", "Subscribers that joined.");
  by_wire(page, reading, [](const WireReading& wire) { return wire.joined; });
  page.counter("subscriptions_ended_total", "Subscribers that left, by cause.");
  for (const codec::Wire wire : codec::kAllWires) {
    for (std::size_t cause = 0; cause < hub::kEnds; ++cause) {
      page.sample(reading.workers.wires[index_of(wire)].ended[cause],
                  {{"transport", name_of(wire)}, {"cause", hub::kEndNames[cause]}});
    }
  }
  page.counter("heartbeats_total", "Comments and pings sent to silent subscribers.");
  by_wire(page, reading, [](const WireReading& wire) { return wire.heartbeats; });
  page.counter("sent_bytes_total", "Bytes to subscribers, past the handshake.");
  by_wire(page, reading, [](const WireReading& wire) { return wire.bytes_sent; });
  page.counter("received_bytes_total", "Bytes from subscribers, past the handshake.");
  by_wire(page, reading, [](const WireReading& wire) { return wire.bytes_received; });
}

void add_requests(Page& page, const Reading& reading) {
  page.counter("http_answers_total", "Answers, by status; 101 and 200 of subscriptions included.");
  for (const auto& [status, count] : reading.desks.answers) page.sample(count, {{"status", std::to_string(status)}});
  page.counter("errors_total", "What went wrong, by cause.");
  page.sample(reading.desks.malformed, {{"cause", "malformed_request"}});
  page.sample(reading.desks.timeouts, {{"cause", "request_timeout"}});
  page.sample(reading.desks.disconnects, {{"cause", "disconnected_in_request"}});
  page.sample(reading.desks.accept_errors, {{"cause", "accept"}});
  page.sample(reading.desks.exceptions + reading.workers.exceptions, {{"cause", "internal"}});
}

void add_registry(Page& page, const Reading& reading) {
  page.gauge("topics", "Topics that have subscribers.");
  page.sample(static_cast<std::uint64_t>(reading.registry.topics));
  const Labels registry{{"registry", hub::MutexRegistry::kName}};
  const auto by_operation = [&](auto&& get) {
    for (const hub::RegistryReading::Operation& operation : reading.registry.operations) {
      Labels labels = registry;
      labels.emplace_back("operation", operation.name);
      page.sample(get(operation), labels);
    }
  };
  using Operation = hub::RegistryReading::Operation;
  page.counter("registry_operations_total", "Operations on the registry of subscribers.");
  by_operation([](const Operation& operation) { return operation.count; });
  page.counter("registry_wait_seconds_total", "Waiting for its lock.");
  by_operation([](const Operation& operation) { return static_cast<double>(operation.wait_ns) / 1e9; });
  page.counter("registry_hold_seconds_total", "Holding its lock.");
  by_operation([](const Operation& operation) { return static_cast<double>(operation.hold_ns) / 1e9; });
}

}  // namespace

std::string metrics_text(const Reading& reading) {
  Page page;
  add_publishing(page, reading);
  add_deliveries(page, reading);
  add_connections(page, reading);
  add_requests(page, reading);
  add_registry(page, reading);
  return page.text();
}

}  // namespace fanlight::server::net
