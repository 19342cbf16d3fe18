#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include "core/units.hpp"
#include "load/approach.hpp"
#include "load/report.hpp"

namespace fanlight::load {
namespace {

std::string duration(std::uint64_t ns) { return format_ns(static_cast<double>(ns)); }

std::string per_second(double count, double seconds) { return seconds > 0 ? format_count(count / seconds) : "-"; }

/// "never" where the rank falls to a message that never came.
std::string at(const Latencies& latencies, std::uint64_t misses, double fraction) {
  if (latencies.count() + misses == 0) return "-";
  const auto value = percentile_with_misses(latencies, misses, fraction);
  return value ? duration(*value) : "never";
}

std::string worst(const Latencies& latencies, std::uint64_t misses) {
  return misses > 0 ? "never" : latencies.count() == 0 ? "-" : duration(latencies.max());
}

constexpr std::size_t kColumns = 14;
using Row = std::array<std::string, kColumns>;

Row row_of(const Report& report, std::string name, const Tally& tally) {
  const Latencies latency = tally.latency();
  const std::uint64_t misses = report.misses(tally);
  return {std::move(name),
          with_commas(tally.established),
          format_count(report.delivered_per_second(tally)),
          with_commas(report.expected(tally)),
          with_commas(tally.received),
          with_commas(report.lost(tally)),
          with_commas(tally.gaps),
          with_commas(tally.duplicates),
          with_commas(tally.reordered),
          at(latency, misses, 0.5),
          at(latency, misses, 0.99),
          at(latency, misses, 0.999),
          at(latency, misses, 0.9999),
          worst(latency, misses)};
}

Row phase_row(const Report& report, std::string name, const Tally& tally, std::size_t phase) {
  const PublishedPhase& published = report.published.phases[phase];
  const PhaseTally found = phase < tally.phases.size() ? tally.phases[phase] : PhaseTally();
  const std::uint64_t misses = report.misses(tally, phase), expected = report.expected(tally, phase);
  return {
      std::move(name),
      "",
      per_second(static_cast<double>(found.received), static_cast<double>(published.end_ns - published.begin_ns) / 1e9),
      with_commas(expected),
      with_commas(found.received),
      with_commas(expected - std::min(expected, found.received)),
      "",
      "",
      "",
      at(found.latency, misses, 0.5),
      at(found.latency, misses, 0.99),
      at(found.latency, misses, 0.999),
      at(found.latency, misses, 0.9999),
      worst(found.latency, misses)};
}

std::string table(const std::vector<Row>& rows) {
  std::array<std::size_t, kColumns> widths{};
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string fill(widths[i] - row[i].size(), ' ');
      text += i == 0 ? row[i] + fill : "  " + fill + row[i];
    }
    text += '\n';
  }
  return text;
}

std::string publishing(const Report& report) {
  const Published& p = report.published;
  char share[64];
  std::snprintf(share, sizeof share, "%.1f s", report.seconds());
  if (report.plan.publishers == 0) return "listened   for " + std::string(share) + "; somebody else published\n";
  std::string text = "published  " + with_commas(p.accepted) + " of " + with_commas(p.scheduled) + " due in " + share +
                     " (" + per_second(static_cast<double>(p.accepted), report.seconds()) + "/s), " +
                     std::to_string(report.plan.size) + " B each, over " + std::to_string(report.plan.publishers) +
                     " connections" + (report.plan.closed_loop ? ", closed loop" : "");
  if (p.answer.count() > 0)
    text +=
        "; answered in " + duration(p.answer.percentile(0.5)) + " (p99 " + duration(p.answer.percentile(0.99)) + ")";
  text += '\n';
  const auto line = [&](std::uint64_t count, const std::string& words) {
    if (count > 0) text += "           " + with_commas(count) + " " + words + "\n";
  };
  line(p.refused, "refused by the server");
  line(p.failed, "failed with their connection");
  if (p.refused + p.failed > 0) text += "           causes: " + words_of(p.causes) + "\n";
  line(p.unanswered, "without an answer when the run ended");
  line(p.unsent_busy, "due but never sent: every publisher was waiting for the server");
  line(p.unsent_no_connection, "due but never sent: no publisher had a connection");
  return text;
}

std::string trouble(const std::string& name, const Tally& tally) {
  std::string text;
  const auto line = [&](std::uint64_t count, const std::string& words) {
    if (count > 0) text += name + ": " + with_commas(count) + " " + words + "\n";
  };
  line(tally.failed_connects(),
       "of " + with_commas(tally.wanted) + " could not subscribe (" + words_of(tally.connect_failures) + ")");
  if (!tally.disconnects.empty())
    text += name + ": " + with_commas(tally.disconnected) + " of " + with_commas(tally.established) +
            " streams were cut, survival " +
            format_share(static_cast<double>(tally.established - tally.disconnected),
                         static_cast<double>(tally.established)) +
            " (" + words_of(tally.disconnects) + ")\n";
  line(tally.own_cuts, "streams cut on purpose");
  if (tally.reconnects > 0)
    text += name + ": " + with_commas(tally.reconnects) + " reconnects, " + with_commas(tally.replayed) +
            " messages replayed" +
            (tally.recovery.count() > 0 ? ", caught up in " + duration(tally.recovery.percentile(0.5)) + " (p99 " +
                                              duration(tally.recovery.percentile(0.99)) + ")"
                                        : "") +
            "\n";
  if (!tally.reconnect_failures.empty())
    line(total_of(tally.reconnect_failures), "reconnects failed (" + words_of(tally.reconnect_failures) + ")");
  line(tally.late, "messages more than 5 messages out of order");
  line(tally.malformed, "malformed messages");
  line(tally.bad_ids, "invalid event ids");
  line(tally.bad_comments, "invalid comments");
  line(tally.foreign, "messages of another run on this topic");
  line(tally.other, "messages that are no test messages: counted, without a latency");
  return text;
}

std::string middle_and_tail(const Latencies& latencies) {
  return duration(latencies.percentile(0.5)) + " (p99 " + duration(latencies.percentile(0.99)) + ")";
}

std::string connecting(const Report& report, const Tally& total) {
  if (total.established == 0) return {};
  std::string text = "connections: ";
  if (const auto accepted = report.accepted_per_second(total); accepted)
    text += format_count(*accepted) + " accepted/s, ";
  text += "connect " + middle_and_tail(total.connect);
  if (total.tls.count() > 0) text += ", TLS " + middle_and_tail(total.tls);
  if (total.head.count() > 0) text += ", response head " + middle_and_tail(total.head);
  if (total.first_event.count() > 0) text += ", first event " + middle_and_tail(total.first_event);
  return text + "\n";
}

std::string shares(const Report& report, const Tally& total) {
  if (total.received == 0) return {};
  char index[64];
  std::snprintf(index, sizeof index, "%.4f", total.deliveries.index());
  std::string text = "fairness: Jain's index of deliveries " + std::string(index);
  if (total.connection_mean.count() > 0)
    text += ", mean latency per connection " + duration(total.connection_mean.percentile(0.01)) + " (p1) to " +
            duration(total.connection_mean.percentile(0.99)) + " (p99)";
  text += "\n";
  const std::uint64_t followed = report.last_receiver.count() + report.last_receiver_misses;
  if (report.plan.publishers > 0 && report.last_receiver.count() > 0)
    text += "last receiver: " + at(report.last_receiver, report.last_receiver_misses, 0.5) + ", p99 " +
            at(report.last_receiver, report.last_receiver_misses, 0.99) + ", max " +
            worst(report.last_receiver, report.last_receiver_misses) + " after a message was due (" +
            with_commas(followed) + " messages" +
            (report.last_receiver_every > 1 ? ", one in " + with_commas(report.last_receiver_every) : std::string()) +
            ")\n";
  return text;
}

std::string server(const Report& report) {
  if (!report.server) return {};
  const ServerReport& s = *report.server;
  const std::string trouble = s.trouble.empty() ? "" : "server: " + s.trouble + "\n";
  if (s.rss_bytes == 0) return trouble;
  char cpu[64];
  std::snprintf(cpu, sizeof cpu, "%.2f", s.cpu_seconds);
  std::string text = "server: " + std::string(cpu) + " s of CPU";
  const std::uint64_t received = report.total().received;
  if (received > 0)
    text += " (" + duration(static_cast<std::uint64_t>(s.cpu_seconds * 1e9 / static_cast<double>(received))) +
            " per delivery)";
  return text + ", " + format_bytes(static_cast<double>(s.rss_bytes)) + " resident, " + with_commas(s.sockets) +
         " sockets with " + format_bytes(static_cast<double>(s.receive_buffer_bytes)) + " received and " +
         format_bytes(static_cast<double>(s.send_buffer_bytes)) + " unsent in the kernel" +
         (s.close_wait > 0 ? ", " + with_commas(s.close_wait) + " in CLOSE_WAIT" : "") + "\n" + trouble;
}

std::string hosts(const Report& report) {
  std::string text;
  for (const HostReport& host : report.hosts) {
    const auto signed_words = [](std::int64_t ns, const char* more, const char* less) {
      return duration(static_cast<std::uint64_t>(ns < 0 ? -ns : ns)) + (ns < 0 ? less : more);
    };
    text += "host " + host.address + ": " + with_commas(host.subscribers) + " subscribers, its clock " +
            signed_words(host.clock_ahead_ns, " ahead", " behind") + " (known to " + duration(host.clock_error_ns) +
            ", " + signed_words(host.clock_drifted_ns, " gained", " lost") + " since it joined)\n";
  }
  return text;
}

std::string title(const Report& report) {
  std::string text;
  for (const GroupReport& group : report.groups) {
    text += (text.empty() ? "" : ", ") + std::to_string(group.group.count) + " " +
            std::string(title_of(group.group.protocol));
    if (group.group.profile.name != "plain") text += " (" + group.group.profile.name + ")";
  }
  return text + " subscribers of '" + report.plan.topic + "' at " + subscribe_words(report.plan) +
         (report.interrupted ? ", ended early" : "") + "\n";
}

}  // namespace

std::string to_text(const Report& report) {
  std::string text = title(report);
  if (report.server_lost_after_ns)
    text += "the server went away after " + duration(*report.server_lost_after_ns) + "\n";
  if (!report.server_lost_after_ns && report.nobody_left())
    text += "no stream was left at the end: every subscriber was cut off\n";
  for (const std::string& note : report.notes) text += "note: " + note + "\n";
  text += publishing(report) + "\n";
  const std::string subscribers = "subscribers";
  std::vector<Row> rows{{"", subscribers, "delivered/s", "expected", "received", "lost", "gaps", "twice", "reordered",
                         "p50", "p99", "p99.9", "p99.99", "max"}};
  const Tally total = report.total();
  std::size_t steady = 0;
  for (const Protocol protocol : kAllProtocols) {
    if (!report.has(protocol)) continue;
    ++steady;
    rows.push_back(row_of(report, std::string(title_of(protocol)), report.of(protocol)));
  }
  if (steady > 1) rows.push_back(row_of(report, "total", total));
  std::size_t begun = 0;
  for (const PublishedPhase& phase : report.published.phases) begun += phase.end_ns > phase.begin_ns ? 1 : 0;
  for (std::size_t i = 0; begun > 1 && i < report.published.phases.size(); ++i) {
    const PublishedPhase& phase = report.published.phases[i];
    if (phase.end_ns <= phase.begin_ns) continue;
    for (const Protocol protocol : kAllProtocols)
      if (report.has(protocol))
        rows.push_back(phase_row(report, phase.phase.name + (steady > 1 ? " " + std::string(title_of(protocol)) : ""),
                                 report.of(protocol), i));
  }
  for (const GroupReport& group : report.groups)
    if (group.group.profile.faulty()) rows.push_back(row_of(report, label_of(group.group), group.tally));
  text += table(rows);
  text +=
      "latency: from when the schedule wanted a message sent to when it was received; one that was due and never came"
      " counts as 'never'\n";
  for (const GroupReport& group : report.groups)
    text += trouble(
        group.group.profile.name == "plain" ? std::string(title_of(group.group.protocol)) : label_of(group.group),
        group.tally);
  text += connecting(report, total) + shares(report, total) + server(report) + hosts(report);
  text += "\ntester: ";
  for (const TesterThread& thread : report.tester)
    text += thread.name + " " + format_share(thread.cpu_share, 1) + " of a core, ";
  text += "slip p99 " + duration(report.published.slip.percentile(0.99));
  if (report.bytes_per_connection) text += ", " + format_bytes(*report.bytes_per_connection) + " per connection";
  text += "\n";
  for (const std::string& warning : report.warnings()) text += "WARNING: " + warning + "\n";
  return text;
}

}  // namespace fanlight::load
