#include "collector/profile/merge.hpp"

#include <algorithm>

namespace fanlight::profile {
namespace {

template <class Row>
void add_thread(Row& into, const ThreadSlice& more) {
  into.from_ns = std::min(into.from_ns, more.from_ns);
  into.to_ns = std::max(into.to_ns, more.to_ns);
  into.ended = into.ended || more.ended;
  for (std::size_t reason = 0; reason < kReasons; ++reason) into.ns[reason] += more.ns[reason];
  into.switches_voluntary += more.switches_voluntary;
  into.switches_preempted += more.switches_preempted;
  into.migrations += more.migrations;
  into.wakeups += more.wakeups;
  into.run_queue_ns.merge(more.run_queue_ns);
  add(into.socket, more.socket);
}

}  // namespace

void add(kernel::SocketCounts& into, const kernel::SocketCounts& more) {
  into.writes += more.writes;
  into.bytes += more.bytes;
  into.would_block += more.would_block;
  into.errors += more.errors;
  for (const auto& [number, count] : more.by_errno) into.by_errno[number] += count;
}

void add(kernel::MapReading& into, const kernel::MapReading& more) {
  into.count += more.count;
  into.errors += more.errors;
  into.total_ns += more.total_ns;
  into.latency_ns.merge(more.latency_ns);
}

void add(kernel::RegistryReading& into, const kernel::RegistryReading& more) {
  into.count += more.count;
  into.wait_ns += more.wait_ns;
  into.hold_ns += more.hold_ns;
  into.wait.merge(more.wait);
}

void add(Metric& into, const Metric& more) {
  into.value = into.kind == Metric::Kind::counter ? into.value + more.value : more.value;
  into.histogram.merge(more.histogram);
}

void add(LabelTime& into, const LabelTime& more) {
  for (std::size_t reason = 0; reason < kReasons; ++reason) into.ns[reason] += more.ns[reason];
}

void add(Lock& into, const Lock& more) {
  into.waits += more.waits;
  into.wait_ns += more.wait_ns;
  into.wait.merge(more.wait);
  if (!more.name.empty()) into.name = more.name;
  if (!more.holder.empty()) into.holder = more.holder;
}

void add(kernel::MapState& into, const kernel::MapState& more) { into = more; }

void add(kernel::ConnectionReading& into, const kernel::ConnectionReading& more) {
  const kernel::ConnectionReading before = into;
  into = more;
  into.watched_ns += before.watched_ns;
  into.sent_bytes += before.sent_bytes;
  into.acknowledged_bytes += before.acknowledged_bytes;
  into.received_bytes += before.received_bytes;
  into.retransmits += before.retransmits;
  into.busy_ns += before.busy_ns;
  into.peer_limited_ns += before.peer_limited_ns;
  into.buffer_limited_ns += before.buffer_limited_ns;
  into.most_queued_bytes = std::max(before.most_queued_bytes, more.most_queued_bytes);
  into.stalled_ns = std::max(before.stalled_ns, more.stalled_ns);
}

void add(Machine& into, const Machine& more) {
  into.interrupts_ns += more.interrupts_ns;
  into.soft_interrupts_ns += more.soft_interrupts_ns;
  into.stolen_ns += more.stolen_ns;
}

void add(Preemption& into, const Preemption& more) {
  into.count += more.count;
  into.ns += more.ns;
}

void add(LedgerEntry& into, const LedgerEntry& more) {
  into.produced += more.produced;
  into.delivered += more.delivered;
  for (const auto& [cause, count] : more.dropped) into.dropped[cause] += count;
  for (const auto& [cause, count] : more.missed) into.missed[cause] += count;
}

void add(kernel::ProgramCost& into, const kernel::ProgramCost& more) {
  into.runs += more.runs;
  into.run_ns += more.run_ns;
}

void add(Thread& into, const ThreadSlice& more) { add_thread(into, more); }
void add(ThreadSlice& into, const ThreadSlice& more) { add_thread(into, more); }

}  // namespace fanlight::profile
