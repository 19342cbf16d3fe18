#include "server/hub/reading.hpp"

namespace fanlight::server::hub {

void WireReading::add(const WireReading& other) {
  offered += other.offered;
  replayed += other.replayed;
  delivered += other.delivered;
  for (std::size_t cause = 0; cause < kDrops; ++cause) dropped[cause] += other.dropped[cause];
  queued_outbox += other.queued_outbox;
  sessions += other.sessions;
  joined += other.joined;
  for (std::size_t cause = 0; cause < kEnds; ++cause) ended[cause] += other.ended[cause];
  heartbeats += other.heartbeats;
  bytes_sent += other.bytes_sent;
  bytes_received += other.bytes_received;
}

void WorkerReading::add(const WorkerReading& other) {
  for (std::size_t i = 0; i < codec::kWires; ++i) wires[i].add(other.wires[i]);
  inbox_messages += other.inbox_messages;
  inbox_lost += other.inbox_lost;
  sends += other.sends;
  would_block += other.would_block;
  shared_sends += other.shared_sends;
  turns += other.turns;
  losses_told += other.losses_told;
  exceptions += other.exceptions;
  for (const auto& [cause, count] : other.violations) violations[cause] += count;
  http_connections += other.http_connections;
  deliveries_last_second += other.deliveries_last_second;
  delivery_latency_ns.merge(other.delivery_latency_ns);
}

}  // namespace fanlight::server::hub
