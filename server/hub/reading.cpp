#include "server/hub/reading.hpp"

namespace fanlight::server::hub {

void WorkerReading::add(const WorkerReading& other) {
  for (std::size_t i = 0; i < codec::kWires; ++i) {
    WireReading& into = wires[i];
    const WireReading& from = other.wires[i];
    into.offered += from.offered;
    into.delivered += from.delivered;
    for (std::size_t cause = 0; cause < kDrops; ++cause) into.dropped[cause] += from.dropped[cause];
    into.queued_inbox += from.queued_inbox;
    into.queued_outbox += from.queued_outbox;
    into.sessions += from.sessions;
    into.joined += from.joined;
    for (std::size_t cause = 0; cause < kEnds; ++cause) into.ended[cause] += from.ended[cause];
    into.heartbeats += from.heartbeats;
    into.bytes_sent += from.bytes_sent;
    into.bytes_received += from.bytes_received;
  }
  sends += other.sends;
  would_block += other.would_block;
  exceptions += other.exceptions;
  delivery_latency_ns.merge(other.delivery_latency_ns);
}

}  // namespace fanlight::server::hub
