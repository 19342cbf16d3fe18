#include "load/tally.hpp"

#include <algorithm>

#include "load/payload.hpp"

namespace fanlight::load {

void Tally::merge(const Tally& other) {
  wanted += other.wanted;
  established += other.established;
  disconnected += other.disconnected;
  for (const auto& [cause, count] : other.connect_failures) connect_failures[cause] += count;
  for (const auto& [cause, count] : other.disconnects) disconnects[cause] += count;
  received += other.received;
  duplicates += other.duplicates;
  reordered += other.reordered;
  gaps += other.gaps;
  malformed += other.malformed;
  foreign += other.foreign;
  warmup += other.warmup;
  last_received_ns = std::max(last_received_ns, other.last_received_ns);
  latency.merge(other.latency);
}

std::uint64_t Tally::failed_connects() const {
  std::uint64_t total = 0;
  for (const auto& [cause, count] : connect_failures) total += count;
  return total;
}

void Inbox::receive(std::string_view message, std::uint64_t now_ns, std::uint64_t measure_from_ns,
                    const Expectation& expectation, Tally& tally) {
  const auto payload = decode(message);
  if (payload && payload->run != expectation.run) {
    ++tally.foreign;
    return;
  }
  if (!payload || message.size() != expectation.size || payload->publisher >= windows_.size()) {
    ++tally.malformed;
    return;
  }
  const Arrival arrival = windows_[payload->publisher].see(payload->sequence);
  if (payload->due_ns < measure_from_ns) {
    ++tally.warmup;
    return;
  }
  switch (arrival) {
    case Arrival::in_order: break;
    case Arrival::after_gap: ++tally.gaps; break;
    case Arrival::reordered: ++tally.reordered; break;
    case Arrival::duplicate: ++tally.duplicates; return;
  }
  ++tally.received;
  tally.last_received_ns = now_ns;
  tally.latency.add(now_ns > payload->due_ns ? now_ns - payload->due_ns : 0);
}

}  // namespace fanlight::load
