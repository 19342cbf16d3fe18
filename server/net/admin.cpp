#include <boost/json.hpp>

#include "server/net/metrics.hpp"

namespace fanlight::server::net {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostTopics = 100;

json::string_view view(std::string_view text) { return {text.data(), text.size()}; }

json::object outline_of(const WorkerOutline& worker) {
  json::object wires;
  for (const codec::Wire wire : codec::kAllWires) {
    const hub::WireReading& counts = worker.reading.wires[codec::index_of(wire)];
    if (counts.joined == 0) continue;
    wires[view(codec::name_of(wire))] = {{"sessions", counts.sessions},
                                         {"offered", counts.offered},
                                         {"delivered", counts.delivered},
                                         {"dropped", counts.dropped_total()},
                                         {"queued", counts.queued_outbox}};
  }
  json::array outboxes;
  for (const hub::Worker::Outline& each : worker.outboxes) {
    outboxes.push_back({{"slot", each.ref.slot},
                        {"topic", each.topic},
                        {"topics", each.topics},
                        {"frames", each.frames},
                        {"bytes", each.bytes},
                        {"blocked", each.blocked}});
  }
  return {{"worker", worker.index},
          {"http_connections", worker.reading.http_connections},
          {"inbox_messages", worker.reading.inbox_messages},
          {"sends", worker.reading.sends},
          {"transports", std::move(wires)},
          {"fullest_outboxes", std::move(outboxes)}};
}

}  // namespace

std::string admin_json(const Reading& reading, const std::vector<WorkerOutline>& workers, hub::Hub& hub) {
  json::array worker_list;
  for (const WorkerOutline& worker : workers) worker_list.push_back(outline_of(worker));
  json::array topics;
  for (const hub::TopicReading& topic : hub.topics().reading(kMostTopics)) {
    topics.push_back({{"topic", topic.name},
                      {"subscribers", topic.subscribers},
                      {"last_id", topic.last_id},
                      {"history_messages", topic.history_messages},
                      {"history_bytes", topic.history_bytes},
                      {"groups", topic.groups}});
  }
  json::array operations;
  for (const auto& operation : reading.registry.operations) {
    operations.push_back({{"operation", view(operation.name)},
                          {"count", operation.count},
                          {"blocked", operation.blocked},
                          {"wait_ns", operation.wait_ns},
                          {"hold_ns", operation.hold_ns}});
  }
  json::array slots;
  for (std::size_t slot = 0; slot < hub.slots().size(); ++slot) slots.push_back(hub.slots().owner_of(slot));
  json::value origin;
  if (reading.snapshots) {
    constexpr std::string_view kStates[] = {"closed", "open", "half-open"};
    origin = {{"breaker", view(kStates[static_cast<std::size_t>(reading.snapshots->breaker)])},
              {"asked", reading.snapshots->asked},
              {"failed", reading.snapshots->failed},
              {"kept", reading.snapshots->kept}};
  }
  const json::object root{
      {"registry",
       {{"name", view(reading.registry.registry)}, {"shards", reading.registry.shards}, {"operations", operations}}},
      {"dispatch",
       {{"name", view(reading.dispatch.dispatch)},
        {"threads", reading.dispatch.threads},
        {"waiting", reading.dispatch.waiting}}},
      {"workers", std::move(worker_list)},
      {"topics",
       {{"with_subscribers", reading.topics}, {"remembered", reading.topics_remembered}, {"largest", topics}}},
      {"slots", std::move(slots)},
      {"origin", std::move(origin)}};
  return json::serialize(root) + "\n";
}

}  // namespace fanlight::server::net
