#include "load/report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include "core/units.hpp"

namespace fanlight::load {
namespace {

constexpr double kBusy = 0.9;                  // of a core, above which a thread no longer keeps up
constexpr std::uint64_t kSlipNs = 1'000'000;   // at p99
constexpr std::uint64_t kWaitNs = 10'000'000;  // at p99

std::string whole(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string duration(std::uint64_t ns) { return format_ns(static_cast<double>(ns)); }

std::string per_second(double count, double seconds) { return seconds > 0 ? format_count(count / seconds) : "-"; }

using Row = std::array<std::string, 13>;

Row row_of(const Report& report, const char* name, const Tally& tally) {
  const auto at = [&](double fraction) {
    return tally.latency.count() == 0 ? std::string("-") : duration(tally.latency.percentile(fraction));
  };
  return {name,
          whole(tally.established),
          format_count(report.delivered_per_second(tally)),
          whole(report.expected(tally)),
          whole(tally.received),
          whole(report.lost(tally)),
          whole(tally.gaps),
          whole(tally.duplicates),
          whole(tally.reordered),
          at(0.5),
          at(0.99),
          at(0.999),
          tally.latency.count() == 0 ? "-" : duration(tally.latency.max())};
}

std::string table(const std::vector<Row>& rows) {
  std::array<std::size_t, 13> widths{};
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

std::string causes(const std::map<std::string, std::uint64_t>& counts) {
  std::string text;
  for (const auto& [cause, count] : counts) text += (text.empty() ? "" : ", ") + whole(count) + " " + cause;
  return text;
}

std::string publishing(const Report& report) {
  const Published& p = report.published;
  char share[64];
  std::snprintf(share, sizeof share, "%.1f s", report.seconds());
  std::string text = "published  " + whole(p.accepted) + " of " + whole(p.scheduled) + " due in " + share + " (" +
                     per_second(static_cast<double>(p.accepted), report.seconds()) + "/s), " +
                     std::to_string(report.plan.size) + " B each, over " + std::to_string(report.plan.publishers) +
                     " connections";
  if (p.answer.count() > 0)
    text +=
        "; answered in " + duration(p.answer.percentile(0.5)) + " (p99 " + duration(p.answer.percentile(0.99)) + ")";
  text += '\n';
  const auto line = [&](std::uint64_t count, const std::string& words) {
    if (count > 0) text += "           " + whole(count) + " " + words + "\n";
  };
  line(p.refused, "refused by the server");
  line(p.failed, "failed with their connection");
  if (p.refused + p.failed > 0) text += "           causes: " + causes(p.causes) + "\n";
  line(p.unanswered, "without an answer when the run ended");
  line(p.unsent_busy, "due but never sent: every publisher was waiting for the server");
  line(p.unsent_no_connection, "due but never sent: no publisher had a connection");
  return text;
}

std::string trouble(const char* name, const Tally& tally) {
  std::string text;
  if (tally.failed_connects() > 0)
    text += std::string(name) + ": " + whole(tally.failed_connects()) + " of " + whole(tally.wanted) +
            " could not subscribe (" + causes(tally.connect_failures) + ")\n";
  if (tally.disconnected > 0)
    text += std::string(name) + ": " + whole(tally.disconnected) + " of " + whole(tally.established) +
            " streams were cut, survival " +
            format_share(static_cast<double>(tally.established - tally.disconnected),
                         static_cast<double>(tally.established)) +
            " (" + causes(tally.disconnects) + ")\n";
  if (tally.malformed > 0) text += std::string(name) + ": " + whole(tally.malformed) + " malformed messages\n";
  if (tally.foreign > 0)
    text += std::string(name) + ": " + whole(tally.foreign) + " messages of another run on this topic\n";
  return text;
}

}  // namespace

double Report::delivered_per_second(const Tally& tally) const {
  const std::uint64_t end_ns = std::max(published.end_ns, tally.last_received_ns);
  if (end_ns <= published.begin_ns) return 0;
  return static_cast<double>(tally.received) * 1e9 / static_cast<double>(end_ns - published.begin_ns);
}

std::uint64_t Report::lost(const Tally& tally) const {
  const std::uint64_t due = expected(tally);
  return due > tally.received ? due - tally.received : 0;
}

Tally Report::total() const {
  Tally both = sse;
  both.merge(ws);
  return both;
}

std::vector<std::string> Report::warnings() const {
  std::vector<std::string> found;
  for (const TesterThread& thread : tester)
    if (thread.cpu_share > kBusy)
      found.push_back("the tester was the bottleneck: its thread '" + thread.name + "' used " +
                      format_share(thread.cpu_share, 1) +
                      " of a core, so latencies contain its own queue; use --threads, or a lower load");
  const std::uint64_t slip = published.slip.percentile(0.99);
  // A slip that is small beside what was measured changes no conclusion.
  if (slip > kSlipNs && slip > total().latency.percentile(0.99) / 10)
    found.push_back("the tester fell behind its schedule: 1 % of messages left " + duration(slip) +
                    " or more late although a connection was free; the machine is too busy");
  // Not `wait`, which contains the slip: more publishers cure no late tester.
  if (const std::uint64_t queued = published.queued.percentile(0.99); queued > kWaitNs)
    found.push_back("1 % of messages waited " + duration(queued) +
                    " or more for a free publisher, which is in their latency; use more --publishers to take it out");
  if (const std::uint64_t open = published.failed + published.unanswered; open > 0)
    found.push_back(whole(open) +
                    " messages have no known outcome: where they were delivered after all, each hides one lost"
                    " message per subscriber");
  return found;
}

std::string to_text(const Report& report) {
  const Plan& plan = report.plan;
  std::string text =
      std::to_string(plan.sse) + " SSE and " + std::to_string(plan.ws) + " WebSocket subscribers of '" + plan.topic +
      "' at " + plan.url + (report.interrupted ? ", ended early" : "") + "\n" +
      (report.server_lost_after_ns ? "the server went away after " + duration(*report.server_lost_after_ns) + "\n"
                                   : std::string()) +
      publishing(report) + "\n";
  std::vector<Row> rows{{"", "subscribers", "delivered/s", "expected", "received", "lost", "gaps", "twice", "reordered",
                         "p50", "p99", "p99.9", "max"}};
  if (plan.sse > 0) rows.push_back(row_of(report, "SSE", report.sse));
  if (plan.ws > 0) rows.push_back(row_of(report, "WebSocket", report.ws));
  if (plan.sse > 0 && plan.ws > 0) rows.push_back(row_of(report, "total", report.total()));
  text += table(rows);
  text += "latency: from when the schedule wanted a message sent to when it was received; what was lost has none\n";
  text += trouble("SSE", report.sse) + trouble("WebSocket", report.ws);
  text += "\ntester: ";
  for (const TesterThread& thread : report.tester)
    text += thread.name + " " + format_share(thread.cpu_share, 1) + " of a core, ";
  text += "slip p99 " + duration(report.published.slip.percentile(0.99)) + "\n";
  for (const std::string& warning : report.warnings()) text += "WARNING: " + warning + "\n";
  return text;
}

}  // namespace fanlight::load
