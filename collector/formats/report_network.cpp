#include "collector/formats/report_network.hpp"

#include <algorithm>

#include <boost/json.hpp>

#include "collector/formats/report_words.hpp"
#include "collector/formats/table.hpp"
#include "collector/kernel/slow.hpp"

namespace fanlight::formats {
namespace {

using profile::Profile;

constexpr std::size_t kMostClients = 10;
constexpr std::size_t kMostQueues = 5;

const profile::Metric* find(const Profile& profile, const char* name) {
  const auto found = std::ranges::find(profile.metrics, name, &profile::Metric::name);
  return found == profile.metrics.end() ? nullptr : &*found;
}

std::uint64_t number(const Profile& profile, const char* name) {
  const profile::Metric* metric = find(profile, name);
  return metric == nullptr || !(metric->value > 0) ? 0 : static_cast<std::uint64_t>(metric->value);
}

std::string counts(const Profile& profile) {
  const std::uint64_t connects = number(profile, "kernel_tcp_connects");
  const std::uint64_t failed = number(profile, "kernel_tcp_connects_failed");
  const std::uint64_t syn_retransmits = number(profile, "kernel_tcp_syn_retransmits");
  std::string text = "  " + plural(number(profile, "kernel_tcp_connections"), "connection") + " at the end, " +
                     format_bytes(static_cast<double>(number(profile, "kernel_tcp_queued_bytes"))) + " queued, " +
                     plural(number(profile, "kernel_tcp_slow_clients"), "slow client") + "\n";
  text += "  accepted " + counted(number(profile, "kernel_tcp_accepts")) + ", connected " + counted(connects) +
          ", failed to connect " + counted(failed) + ", closed " + counted(number(profile, "kernel_tcp_closes")) + "\n";
  text += "  retransmitted " + plural(number(profile, "kernel_tcp_retransmits"), "segment") + ", " +
          plural(syn_retransmits, "SYN");
  if (connects + failed > 0) text += " (" + share(syn_retransmits, connects + failed + syn_retransmits) + " of SYNs)";
  text += ", " + plural(number(profile, "kernel_tcp_synack_retransmits"), "SYN-ACK") + "; resets sent " +
          counted(number(profile, "kernel_tcp_resets_sent")) + ", received " +
          counted(number(profile, "kernel_tcp_resets_received")) + "\n";
  return text;
}

std::string durations(const Profile& profile) {
  Table table({"", "count", "p50", "p99", "max"});
  struct Row {
    const char* metric;
    const char* words;
  };
  for (const Row& row :
       {Row{"kernel_tcp_connect", "connect: SYN to established"},
        Row{"kernel_tcp_handshake", "accept: SYN-ACK to its answer"}, Row{"kernel_tcp_write", "write: the call"},
        Row{"kernel_tcp_write_acknowledged", "write: until acknowledged"}}) {
    const profile::Metric* metric = find(profile, row.metric);
    if (metric == nullptr || metric->histogram.count() == 0) continue;
    table.add({row.words, counted(metric->histogram.count()), percentile(metric->histogram, 0.5),
               percentile(metric->histogram, 0.99), percentile(metric->histogram, 1)});
  }
  if (table.empty()) return {};
  std::string text = table.text("  ");
  const std::uint64_t marked = number(profile, "kernel_tcp_writes_timed");
  const profile::Metric* acknowledged = find(profile, "kernel_tcp_write_acknowledged");
  const std::uint64_t answered = acknowledged == nullptr ? 0 : acknowledged->histogram.count();
  if (marked == 0 && find(profile, "kernel_tcp_write") == nullptr) return text;
  text += "  writes are timed in windows of 50 ms a second";
  if (marked > answered)
    text += "; " + counted(marked - answered) + " of " + counted(marked) + " were not acknowledged within 100 ms of it";
  return text + "\n";
}

std::string listed(const std::string& heading, const std::vector<const kernel::ConnectionReading*>& rows,
                   std::size_t most) {
  Table table({"<peer", "stalled", "queued", "most", "peer's window full", "rtt", "retransmits", "acknowledged"});
  for (const kernel::ConnectionReading* row : rows) {
    if (table.size() == most) break;
    table.add({name(row->peer), row->stalled_ns > 0 ? ns(row->stalled_ns) : "-",
               format_bytes(static_cast<double>(row->queued_bytes)),
               format_bytes(static_cast<double>(row->most_queued_bytes)), share(row->peer_limited_ns, row->watched_ns),
               row->rtt_ns > 0 ? ns(row->rtt_ns) : "-", counted_or_none(row->retransmits),
               format_bytes(static_cast<double>(row->acknowledged_bytes))});
  }
  std::string body = table.empty() ? "" : table.text("  ");
  if (rows.size() > most) body += "  and " + std::to_string(rows.size() - most) + " more\n";
  return section(heading, body);
}

}  // namespace

std::vector<const kernel::ConnectionReading*> slow_clients(const Profile& profile) {
  std::vector<const kernel::ConnectionReading*> slow;
  for (const kernel::ConnectionReading& connection : profile.connections)
    if (connection.stalled_ns >= kernel::kSlowAfterNs) slow.push_back(&connection);
  std::ranges::stable_sort(slow, std::greater(), &kernel::ConnectionReading::stalled_ns);
  return slow;
}

std::string network_section(const Profile& profile) {
  if (profile.connections.empty() && find(profile, "kernel_tcp_connections") == nullptr) return {};
  std::string text = section("TCP", counts(profile) + durations(profile));
  if (const auto slow = slow_clients(profile); !slow.empty())
    return text + listed("Slow clients: queues that did not drain, longest first", slow, kMostClients);
  std::vector<const kernel::ConnectionReading*> queued;
  for (const kernel::ConnectionReading& connection : profile.connections)
    if (connection.most_queued_bytes > 0) queued.push_back(&connection);
  std::ranges::stable_sort(queued, std::greater(), &kernel::ConnectionReading::most_queued_bytes);
  return text + listed("Fullest send queues; none that did not drain", queued, kMostQueues);
}

boost::json::object network_json(const Profile& profile) {
  boost::json::array rows;
  for (const kernel::ConnectionReading& one : profile.connections) {
    rows.push_back(boost::json::object{{"local", clean(one.local)},
                                       {"peer", clean(one.peer)},
                                       {"state", clean(one.state)},
                                       {"slow", one.stalled_ns >= kernel::kSlowAfterNs},
                                       {"watched_ns", one.watched_ns},
                                       {"sent_bytes", one.sent_bytes},
                                       {"acknowledged_bytes", one.acknowledged_bytes},
                                       {"received_bytes", one.received_bytes},
                                       {"retransmits", one.retransmits},
                                       {"busy_ns", one.busy_ns},
                                       {"peer_limited_ns", one.peer_limited_ns},
                                       {"buffer_limited_ns", one.buffer_limited_ns},
                                       {"queued_bytes", one.queued_bytes},
                                       {"most_queued_bytes", one.most_queued_bytes},
                                       {"unsent_bytes", one.unsent_bytes},
                                       {"unread_bytes", one.unread_bytes},
                                       {"stalled_ns", one.stalled_ns},
                                       {"rtt_ns", one.rtt_ns},
                                       {"rtt_deviation_ns", one.rtt_deviation_ns}});
  }
  return {{"slow_after_ns", kernel::kSlowAfterNs}, {"connections", std::move(rows)}};
}

}  // namespace fanlight::formats
