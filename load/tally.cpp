#include "load/tally.hpp"

#include <algorithm>

namespace fanlight::load {
namespace {

void merge_causes(Causes& into, const Causes& from) {
  for (const auto& [cause, count] : from) into[cause] += count;
}

}  // namespace

std::uint64_t total_of(const Causes& causes) {
  std::uint64_t total = 0;
  for (const auto& [cause, count] : causes) total += count;
  return total;
}

std::string with_commas(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string words_of(const Causes& causes) {
  std::string text;
  for (const auto& [cause, count] : causes) text += (text.empty() ? "" : ", ") + with_commas(count) + " " + cause;
  return text;
}

void PhaseTally::merge(const PhaseTally& other) {
  received += other.received;
  before_joining += other.before_joining;
  until_leaving += other.until_leaving;
  latency.merge(other.latency);
}

void Tally::merge(const Tally& from) {
  for (const auto member :
       {&Tally::wanted,       &Tally::established, &Tally::left,       &Tally::disconnected, &Tally::own_cuts,
        &Tally::joined_late,  &Tally::standing,    &Tally::reconnects, &Tally::replayed,     &Tally::received,
        &Tally::duplicates,   &Tally::reordered,   &Tally::late,       &Tally::gaps,         &Tally::bad_ids,
        &Tally::bad_comments, &Tally::malformed,   &Tally::foreign,    &Tally::other,        &Tally::warmup,
        &Tally::bytes,        &Tally::reads})
    this->*member += from.*member;
  for (const auto member : {&Tally::connect_failures, &Tally::disconnects, &Tally::reconnect_failures})
    merge_causes(this->*member, from.*member);
  for (const auto member :
       {&Tally::connect, &Tally::tls, &Tally::head, &Tally::first_event, &Tally::recovery, &Tally::connection_mean})
    (this->*member).merge(from.*member);
  for (std::size_t i = 0; i < from.phases.size(); ++i) phase(i).merge(from.phases[i]);
  deliveries.merge(from.deliveries);
  last_received_ns = std::max(last_received_ns, from.last_received_ns);
  if (from.connecting_from_ns != 0)
    connecting_from_ns =
        connecting_from_ns == 0 ? from.connecting_from_ns : std::min(connecting_from_ns, from.connecting_from_ns);
  connecting_to_ns = std::max(connecting_to_ns, from.connecting_to_ns);
}

Latencies Tally::latency() const {
  Latencies all;
  for (const PhaseTally& phase : phases) all.merge(phase.latency);
  return all;
}

std::uint64_t Tally::failed_connects() const { return total_of(connect_failures); }

}  // namespace fanlight::load
