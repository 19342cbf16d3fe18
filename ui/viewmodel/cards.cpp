#include "ui/viewmodel/cards.hpp"

#include <algorithm>
#include <cstdio>

#include "collector/profile/merge.hpp"
#include "core/units.hpp"
#include "ui/viewmodel/measured.hpp"
#include "ui/viewmodel/tables.hpp"

namespace fanlight::ui {
namespace {

constexpr float kTwoNumbers = 1.4f;

/// People are counted in full: "1000", not "1.00k".
std::string whole_number(double value) {
  if (value >= 1e6) return format_count(value);
  char text[32];
  std::snprintf(text, sizeof text, "%.0f", value);
  return text;
}

std::string per_second(double count, double seconds) {
  return seconds < kShortestRate ? "-" : format_count(count / seconds) + "/s";
}
std::string time_text(double ns) { return format_ns(ns); }

std::string latency_text(const KernelHistogram& histogram) {
  return time_text(static_cast<double>(histogram.percentile(0.5))) + " \u00b7 " +
         time_text(static_cast<double>(histogram.percentile(0.99)));
}

void own_cards(const profile::Profile& profile, const Series& series, double seconds, std::vector<Card>& cards) {
  const profile::Metric* deliveries = metric(profile.metrics, "deliveries");
  const profile::Metric* publishes = metric(profile.metrics, "publishes");
  if (deliveries != nullptr || publishes != nullptr) {
    Card card{.title = "Deliveries", .curve = series.throughput_a};
    card.value = deliveries != nullptr ? per_second(deliveries->value, seconds) : "-";
    if (publishes != nullptr) card.detail = "published " + per_second(publishes->value, seconds);
    cards.push_back(std::move(card));
  }
  if (const profile::Metric* latency = metric(profile.metrics, "delivery_latency"); latency != nullptr) {
    Card card{.title = "Delivery p50 \u00b7 p99", .curve = series.latency_p99, .weight = kTwoNumbers};
    card.value = latency->histogram.count() == 0 ? "-" : latency_text(latency->histogram);
    if (latency->histogram.count() > 0)
      card.detail = "longest " + time_text(static_cast<double>(latency->histogram.max()));
    cards.push_back(std::move(card));
  }
  if (const profile::Metric* connections = metric(profile.metrics, "connections"); connections != nullptr)
    cards.push_back({"Connections", whole_number(connections->value), "open now", series.connections});
}

}  // namespace

std::vector<Card> build_cards(const profile::Profile& profile, const Series& series) {
  const double seconds = seconds_of(profile);
  std::vector<Card> cards;
  own_cards(profile, series, seconds, cards);
  kernel::SocketCounts socket;
  KernelHistogram run_queue;
  for (const profile::Thread& thread : profile.threads) {
    profile::add(socket, thread.socket);
    run_queue.merge(thread.run_queue_ns);
  }
  const auto writes = static_cast<double>(socket.writes), bytes = static_cast<double>(socket.bytes);
  const std::size_t first = cards.size();
  cards.push_back({"Socket writes", per_second(writes, seconds),
                   socket.writes == 0 ? std::string("none in this time")
                   : socket.would_block == 0
                       ? std::string("none would block")
                       : format_share(static_cast<double>(socket.would_block), writes) + " would block",
                   series.socket_writes});
  cards.push_back({"Bytes to sockets",
                   seconds < kShortestRate ? std::string("-")
                   : socket.bytes == 0     ? std::string("0 B/s")
                                           : format_bytes(bytes / seconds) + "/s",
                   socket.writes == 0 ? std::string() : format_bytes(bytes / writes) + " a write",
                   series.socket_bytes});
  cards.push_back(
      {"Run queue p50 \u00b7 p99", run_queue.count() == 0 ? "-" : latency_text(run_queue),
       run_queue.count() == 0
           ? std::string("no waits seen")
           : format_count(static_cast<double>(run_queue.count()) / std::max(seconds, kShortestRate)) + " waits/s",
       series.run_queue_p99, kTwoNumbers});
  const double cpus =
      static_cast<double>(profile::totals(profile)[static_cast<std::size_t>(Reason::running)]) / (seconds * 1e9);
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", cpus);
  cards.push_back({"CPUs in use", text,
                   std::to_string(profile.threads.size()) + (profile.threads.size() == 1 ? " thread" : " threads"),
                   series.cpus});
  // A zero that nobody counted would be taken for a finding.
  const std::string_view probes[] = {kSocketWrites, kSocketWrites, kScheduler, kScheduler};
  for (std::size_t i = 0; i < std::size(probes); ++i) {
    const auto why = unmeasured(profile.target, probes[i]);
    if (!why) continue;
    cards[first + i].value = "-";
    cards[first + i].detail = *why;
  }
  return cards;
}

}  // namespace fanlight::ui
