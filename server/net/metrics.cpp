#include "server/net/metrics.hpp"

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>

#include <array>
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
         {1e3, 1e4, 2.5e4, 5e4, 1e5, 2.5e5, 5e5, 1e6, 2.5e6, 5e6, 1e7, 2.5e7, 5e7, 1e8, 2e8, 5e8, 1e9, 1e10}) {
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

/// The two plain forms always, the others once somebody has used them: 10 forms with 8 causes each are many lines.
std::vector<codec::Wire> shown_wires(const Reading& reading) {
  std::vector<codec::Wire> shown;
  for (const codec::Wire wire : codec::kAllWires) {
    if (index_of(wire) < 2 || reading.workers.wires[index_of(wire)].joined > 0) shown.push_back(wire);
  }
  return shown;
}

/// One sample per wire form.
template <class Get>
void by_wire(Page& page, const Reading& reading, Get&& get) {
  for (const codec::Wire wire : shown_wires(reading)) {
    page.sample(get(reading.workers.wires[index_of(wire)]), {{"transport", name_of(wire)}});
  }
}

void add_publishing(Page& page, const Reading& reading) {
  page.counter("publishes_total", "Messages taken from publishers.");
  page.sample(reading.published.messages);
  page.gauge("throughput", "Messages taken and events delivered in the last whole second.");
  page.sample(reading.publishes_last_second, {{"what", "publishes"}});
  page.sample(reading.workers.deliveries_last_second, {{"what", "deliveries"}});
  page.counter("published_bytes_total", "Payload of those messages.");
  page.sample(reading.published.bytes);
  page.counter("frames_encoded_total", "Frames made, by wire form; at most one per message and form.");
  for (const codec::Wire wire : shown_wires(reading)) {
    page.sample(reading.published.encoded[index_of(wire)], {{"transport", name_of(wire)}});
  }
}

void add_deliveries(Page& page, const Reading& reading) {
  using hub::WireReading;
  page.counter(
      "addressed_total",
      "Deliveries asked for: the sum over all messages of their subscribers then. With replayed_total it equals "
      "delivered, dropped and queued at any instant.");
  page.sample(reading.published.addressed);
  page.counter("offered_total",
               "Deliveries taken up by a worker. Equals delivered, dropped and what is queued in outboxes.");
  by_wire(page, reading, [](const WireReading& wire) { return wire.offered; });
  page.counter("deliveries_total", "Events that the kernel took whole.");
  by_wire(page, reading, [](const WireReading& wire) { return wire.delivered; });
  page.counter("dropped_frames_total", "Deliveries that did not happen, by cause.");
  for (const codec::Wire wire : shown_wires(reading)) {
    for (std::size_t cause = 0; cause < hub::kDrops; ++cause) {
      page.sample(reading.workers.wires[index_of(wire)].dropped[cause],
                  {{"transport", name_of(wire)}, {"cause", hub::kDropNames[cause]}});
    }
  }
  page.gauge("queued_frames", "Deliveries that wait for their client, by place.");
  for (const codec::Wire wire : shown_wires(reading)) {
    page.sample(reading.workers.wires[index_of(wire)].queued_outbox,
                {{"transport", name_of(wire)}, {"place", "outbox"}});
  }
  page.sample(reading.waiting(), {{"transport", "any"}, {"place", "inbox"}});
  page.counter("replayed_total", "Deliveries from a topic's history; part of those offered.");
  by_wire(page, reading, [](const WireReading& wire) { return wire.replayed; });
  page.counter("losses_told_total", "Clients that were told that the history no longer reached back to them.");
  page.sample(reading.workers.losses_told);
  page.gauge("inbox_messages", "Messages that no worker has taken yet; they have been offered to nobody.");
  page.sample(reading.workers.inbox_messages);
  page.counter("inbox_lost_messages_total", "Messages that a full inbox did not take.");
  page.sample(reading.workers.inbox_lost);
  page.histogram(
      "delivery_latency_seconds",
      "From a publisher's request read to its event handed to the kernel, one value per delivery. The clock is "
      "read once per 16 sends, so values are up to that long too high.",
      reading.workers.delivery_latency_ns);
  page.counter("sends_total", "Calls that wrote to subscribers.");
  page.sample(reading.workers.sends);
  page.counter("sends_would_block_total", "Of those, refused because the socket's buffer was full.");
  page.sample(reading.workers.would_block);
  page.counter("sends_shared_total", "Of all sends, from bytes that had been gathered for a connection before.");
  page.sample(reading.workers.shared_sends);
  page.counter("loop_turns_total", "Turns of the workers' loops.");
  page.sample(reading.workers.turns);
}

void add_connections(Page& page, const Reading& reading) {
  using hub::WireReading;
  page.gauge("connections", "Open connections; http: those that have not become subscribers.");
  by_wire(page, reading, [](const WireReading& wire) { return wire.sessions; });
  page.sample(reading.workers.http_connections, {{"transport", "http"}});
  page.counter("connections_accepted_total", "Connections accepted, refused ones included.");
  page.sample(reading.desks.accepted);
  page.counter("connections_refused_total", "Connections that were not let in, by cause.");
  page.sample(reading.desks.refused, {{"cause", "max_connections"}});
  page.sample(reading.desks.refused_address, {{"cause", "max_per_address"}});
  page.sample(reading.desks.refused_rate, {{"cause", "accept_rate"}});
  page.gauge("connection_survival", "Subscribers that are there, or left by themselves, of all that ever joined.");
  std::uint64_t joined = 0, failed = 0;
  for (const WireReading& wire : reading.workers.wires) {
    joined += wire.joined;
    for (const hub::End end : {hub::End::reset, hub::End::protocol, hub::End::evicted, hub::End::silent})
      failed += wire.ended[static_cast<std::size_t>(end)];
  }
  page.sample(joined == 0 ? 1.0 : 1.0 - static_cast<double>(failed) / static_cast<double>(joined));
  page.counter("subscriptions_total", "Subscribers that joined.");
  by_wire(page, reading, [](const WireReading& wire) { return wire.joined; });
  page.counter("subscriptions_ended_total", "Subscribers that left, by cause.");
  for (const codec::Wire wire : shown_wires(reading)) {
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
  const auto by_cause = [&](const RefusalCounts& counts) {
    for (std::size_t cause = 0; cause < kRefusals; ++cause) {
      if (counts[cause] > 0) page.sample(counts[cause], {{"cause", kRefusalNames[cause]}});
    }
  };
  page.counter("http_refusals_total",
               "Answers of 400 and above, by cause: together those that http_answers_total counts by status.");
  by_cause(reading.desks.refusals);
  page.counter("command_refusals_total", "Commands, or parts of them, that were not done, by cause.");
  by_cause(reading.desks.command_refusals);
  page.counter("websocket_violations_total", "WebSocket connections that were closed for what they sent, by cause.");
  for (const auto& [cause, count] : reading.workers.violations) page.sample(count, {{"cause", cause}});
  page.counter("errors_total", "What went wrong without an answer, by cause.");
  page.sample(reading.desks.timeouts, {{"cause", "request_timeout"}});
  page.sample(reading.desks.disconnects, {{"cause", "disconnected_in_request"}});
  page.sample(reading.desks.accept_errors, {{"cause", "accept"}});
  page.sample(reading.desks.tls_failures, {{"cause", "tls_handshake"}});
  page.sample(reading.desks.unread, {{"cause", "answers_unread"}});
  page.sample(reading.workers.exceptions, {{"cause", "internal"}});
  page.counter("commands_total", "Commands of WebSocket clients.");
  page.sample(reading.desks.commands);
  page.histogram("header_parse_seconds", "Reading a request's head, for those that were whole in one read.",
                 reading.desks.parse_ns);
}

constexpr std::array<std::string_view, 3> kBreakerStates = {"closed", "open", "half-open"};

void add_snapshots(Page& page, const Reading& reading) {
  page.counter("snapshots_total", "States of topics given to clients, by where they came from.");
  for (std::size_t source = 0; source < kSnapshotNames.size(); ++source)
    page.sample(reading.desks.snapshots[source], {{"source", kSnapshotNames[source]}});
  if (!reading.snapshots) return;
  page.counter("origin_requests_total", "Topics that the origin was asked for.");
  page.sample(reading.snapshots->asked);
  page.counter("origin_failures_total", "Of those, not answered, or not as they should be.");
  page.sample(reading.snapshots->failed);
  page.counter("origin_refused_total", "Topics that the origin was not asked for, because it kept failing.");
  page.sample(reading.snapshots->refused);
  page.counter("origin_breaker_opened_total", "Times that the origin was left alone.");
  page.sample(reading.snapshots->opened);
  page.gauge("origin_breaker", "1 for the state that the circuit breaker is in.");
  for (std::size_t state = 0; state < kBreakerStates.size(); ++state)
    page.sample(std::uint64_t{state == static_cast<std::size_t>(reading.snapshots->breaker)},
                {{"state", kBreakerStates[state]}});
  page.gauge("origin_topics", "Topics that are remembered, by what the origin said.");
  page.sample(std::uint64_t{reading.snapshots->kept}, {{"answer", "state"}});
  page.sample(std::uint64_t{reading.snapshots->known_missing}, {{"answer", "unknown"}});
}

void add_registry(Page& page, const Reading& reading) {
  page.gauge("topics", "Topics that have subscribers.");
  page.sample(static_cast<std::uint64_t>(reading.topics));
  page.gauge("topics_remembered", "Topics in the table, those with a history alone included.");
  page.sample(static_cast<std::uint64_t>(reading.topics_remembered));
  const Labels registry{{"registry", reading.registry.registry}};
  page.gauge("registry_shards", "Shards of the registry now.");
  page.sample(static_cast<std::uint64_t>(reading.registry.shards), registry);
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
  page.counter("registry_blocked_total", "Of those, had to wait for a lock.");
  by_operation([](const Operation& operation) { return operation.blocked; });
  page.counter("registry_wait_seconds_total", "Waiting for its lock.");
  by_operation([](const Operation& operation) { return static_cast<double>(operation.wait_ns) / 1e9; });
  page.counter("registry_hold_seconds_total", "Holding its lock.");
  by_operation([](const Operation& operation) { return static_cast<double>(operation.hold_ns) / 1e9; });
}

void add_dispatch(Page& page, const Reading& reading) {
  const hub::DispatchReading& dispatch = reading.dispatch;
  const Labels labels{{"dispatch", dispatch.dispatch}};
  page.counter("dispatch_jobs_total", "Publishes that the dispatcher ran.");
  page.sample(dispatch.jobs, labels);
  page.counter("dispatch_in_caller_total", "Publishes that their caller ran, because the dispatcher was full.");
  page.sample(dispatch.in_caller, labels);
  page.counter("dispatch_stolen_total", "Publishes taken from another thread's queue.");
  page.sample(dispatch.stolen, labels);
  page.counter("dispatch_failed_total", "Publishes that threw and were tried again.");
  page.sample(dispatch.failed, labels);
  page.gauge("dispatch_threads", "Threads that publish.");
  page.sample(static_cast<std::uint64_t>(dispatch.threads), labels);
}

void add_process(Page& page, const Reading& reading) {
  page.gauge("build_info", "1; the version and the choices made at start are labels.");
  page.sample(1.0, {{"version", "0.1.0"},
                    {"compiler", "gcc " __VERSION__},
                    {"registry", reading.registry.registry},
                    {"dispatch", reading.dispatch.dispatch}});
  page.counter("frames_pooled_total", "Frames taken from the pool, and made anew because it was empty.");
  page.sample(reading.frames.reused, {{"from", "pool"}});
  page.sample(reading.frames.made, {{"from", "allocator"}});
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  page.counter("page_faults_total", "Pauses of the process's memory: faults served from memory and from disk.");
  page.sample(static_cast<std::uint64_t>(usage.ru_minflt), {{"kind", "minor"}});
  page.sample(static_cast<std::uint64_t>(usage.ru_majflt), {{"kind", "major"}});
}

}  // namespace

std::uint64_t Reading::waiting() const {
  std::uint64_t offered = 0, replayed = 0;
  for (const hub::WireReading& wire : workers.wires) {
    offered += wire.offered;
    replayed += wire.replayed;
  }
  return published.addressed + replayed - offered;
}

std::string metrics_text(const Reading& reading) {
  Page page;
  add_publishing(page, reading);
  add_deliveries(page, reading);
  add_connections(page, reading);
  add_requests(page, reading);
  add_snapshots(page, reading);
  add_registry(page, reading);
  add_dispatch(page, reading);
  add_process(page, reading);
  return page.text();
}

}  // namespace fanlight::server::net
