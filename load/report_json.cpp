#include <cmath>

#include <boost/json.hpp>

#include "load/approach.hpp"
#include "load/report.hpp"
#include "load/tally_json.hpp"

namespace fanlight::load {
namespace {

namespace json = boost::json;

json::value number(const std::optional<std::uint64_t>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

json::value latencies(const Latencies& histogram, std::uint64_t misses = 0) {
  if (histogram.count() + misses == 0) return nullptr;
  const auto at = [&](double fraction) { return number(percentile_with_misses(histogram, misses, fraction)); };
  return json::object{{"count", histogram.count()},
                      {"misses", misses},
                      {"mean", static_cast<std::uint64_t>(histogram.mean())},
                      {"p50", at(0.5)},
                      {"p90", at(0.9)},
                      {"p99", at(0.99)},
                      {"p999", at(0.999)},
                      {"p9999", at(0.9999)},
                      {"max", misses > 0 ? json::value(nullptr) : json::value(histogram.max())},
                      {"max_received", histogram.max()}};
}

json::object counts(const Causes& by_cause) {
  json::object out;
  for (const auto& [cause, count] : by_cause) out[cause] = count;
  return out;
}

/// `buckets`: histograms in full, which would be the same thing several times over in sums.
json::array phases(const Report& report, const Tally& tally, bool buckets) {
  json::array out;
  for (std::size_t i = 0; i < report.published.phases.size(); ++i) {
    const PublishedPhase& phase = report.published.phases[i];
    const PhaseTally found = i < tally.phases.size() ? tally.phases[i] : PhaseTally();
    const std::uint64_t expected = report.expected(tally, i);
    json::object& one = out.emplace_back(json::object()).as_object();
    one = json::object{{"name", phase.phase.name},
                       {"expected", expected},
                       {"received", found.received},
                       {"lost", expected - std::min(expected, found.received)},
                       {"latency_ns", latencies(found.latency, report.misses(tally, i))}};
    if (buckets) one["latency_buckets"] = histogram_json(found.latency);
  }
  return out;
}

json::object subscribers(const Report& report, const Tally& tally, bool buckets_of_phases = false) {
  const auto share = [](std::uint64_t part, std::uint64_t all) {
    return all == 0 ? json::value(nullptr) : json::value(static_cast<double>(part) / static_cast<double>(all));
  };
  const std::uint64_t connecting_ns =
      tally.connecting_to_ns > tally.connecting_from_ns ? tally.connecting_to_ns - tally.connecting_from_ns : 0;
  const std::optional<double> accepted = report.accepted_per_second(tally);
  const Latencies latency = tally.latency();
  return {{"wanted", tally.wanted},
          {"established", tally.established},
          {"left", tally.left},
          {"joined_late", tally.joined_late},
          {"standing", tally.standing},
          {"connect_failures", counts(tally.connect_failures)},
          {"disconnected", tally.disconnected},
          {"disconnects", counts(tally.disconnects)},
          {"survival", share(tally.established - tally.disconnected, tally.established)},
          {"own_cuts", tally.own_cuts},
          {"reconnects", tally.reconnects},
          {"reconnect_failures", counts(tally.reconnect_failures)},
          {"replayed", tally.replayed},
          {"expected", report.expected(tally)},
          {"received", tally.received},
          {"delivered_per_s", report.delivered_per_second(tally)},
          {"lost", report.lost(tally)},
          {"misses", report.misses(tally)},
          {"gaps", tally.gaps},
          {"duplicates", tally.duplicates},
          {"reordered", tally.reordered},
          {"late", tally.late},
          {"bad_ids", tally.bad_ids},
          {"bad_comments", tally.bad_comments},
          {"malformed", tally.malformed},
          {"foreign", tally.foreign},
          {"other", tally.other},
          {"warmup_received", tally.warmup},
          {"bytes", tally.bytes},
          {"reads", tally.reads},
          {"accepted_per_s", accepted ? json::value(*accepted) : json::value(nullptr)},
          {"connecting_ns", connecting_ns},
          {"connect_ns", latencies(tally.connect)},
          {"tls_ns", latencies(tally.tls)},
          {"response_head_ns", latencies(tally.head)},
          {"first_event_ns", latencies(tally.first_event)},
          {"recovery_ns", latencies(tally.recovery)},
          {"fairness", json::object{{"jain_deliveries", tally.deliveries.index()},
                                    {"connection_mean_ns", latencies(tally.connection_mean)}}},
          {"latency_ns", latencies(latency, report.misses(tally))},
          {"latency_buckets", histogram_json(latency)},
          {"phases", phases(report, tally, buckets_of_phases)}};
}

json::object outcomes(const Outcomes& o) {
  return {{"scheduled", o.scheduled},     {"accepted", o.accepted},
          {"refused", o.refused},         {"failed", o.failed},
          {"unanswered", o.unanswered},   {"unsent", o.unsent()},
          {"unsent_busy", o.unsent_busy}, {"unsent_no_connection", o.unsent_no_connection}};
}

json::object published(const Published& p) {
  json::object out = outcomes(p);
  out["causes"] = counts(p.causes);
  out["answer_ns"] = latencies(p.answer);
  out["wait_ns"] = latencies(p.wait);
  out["queued_ns"] = latencies(p.queued);
  json::array phases;
  for (const PublishedPhase& phase : p.phases) {
    json::object one = outcomes(phase.outcomes);
    one["name"] = phase.phase.name;
    one["shape"] = shape_text(phase.phase);
    one["begin_ns"] = phase.begin_ns - p.begin_ns;
    one["end_ns"] = phase.end_ns - p.begin_ns;
    phases.push_back(std::move(one));
  }
  out["phases"] = std::move(phases);
  return out;
}

json::object plan(const Plan& p) {
  json::array groups;
  for (const Group& group : p.groups)
    groups.push_back(
        json::object{{"protocol", name_of(group.protocol)}, {"count", group.count}, {"profile", group.profile.name}});
  unsigned sse = 0, ws = 0;
  for (const Group& group : p.groups) {
    if (group.protocol == Protocol::sse) sse += group.count;
    if (group.protocol == Protocol::websocket) ws += group.count;
  }
  return {{"url", p.url},
          {"subscribe", subscribe_words(p)},
          {"publish", p.publishers == 0 ? json::value(nullptr) : json::value(publish_words(p))},
          {"adapter", p.adapter},
          {"topic", p.topic},
          {"sse", sse},
          {"ws", ws},
          {"groups", std::move(groups)},
          {"rate", p.phases.front().rate},
          {"size", p.size},
          {"duration_ns", p.duration().count()},
          {"warmup_ns", p.warmup.count()},
          {"publishers", p.publishers},
          {"threads", p.threads},
          {"workers", p.workers},
          {"closed_loop", p.closed_loop},
          {"reconnect", p.reconnect}};
}

json::array timeline(const Report& report) {
  json::array out;
  for (const Second& second : report.timeline)
    out.push_back(json::object{{"at_s", second.at},
                               {"seconds", second.seconds},
                               {"received", second.received},
                               {"published", second.published},
                               {"p50_ns", second.p50_ns},
                               {"p99_ns", second.p99_ns},
                               {"max_ns", second.max_ns},
                               {"streams", second.streams},
                               {"cuts", second.cuts}});
  return out;
}

json::value server(const Report& report) {
  if (!report.server) return nullptr;
  const ServerReport& s = *report.server;
  if (s.rss_bytes == 0) return json::object{{"error", s.trouble}};
  return json::object{{"pid", report.plan.server_pid},
                      {"cpu_seconds", s.cpu_seconds},
                      {"rss_bytes", s.rss_bytes},
                      {"sockets", s.sockets},
                      {"close_wait", s.close_wait},
                      {"socket_receive_bytes", s.receive_buffer_bytes},
                      {"socket_send_bytes", s.send_buffer_bytes},
                      {"error", s.trouble.empty() ? json::value(nullptr) : json::value(s.trouble)}};
}

}  // namespace

std::string to_json(const Report& report) {
  json::array threads, warnings, notes, groups;
  for (const TesterThread& thread : report.tester)
    threads.push_back(json::object{{"name", thread.name}, {"cpu_share", thread.cpu_share}});
  for (const std::string& warning : report.warnings()) warnings.push_back(json::value(warning));
  for (const std::string& note : report.notes) notes.push_back(json::value(note));
  for (const GroupReport& group : report.groups) {
    json::object one = subscribers(report, group.tally, true);
    one["group"] = label_of(group.group);
    one["protocol"] = name_of(group.group.protocol);
    one["profile"] = group.group.profile.name;
    groups.push_back(std::move(one));
  }
  json::object all{{"schema", kReportSchema},
                   {"tool", "fanlight-load"},
                   {"interrupted", report.interrupted},
                   {"server_lost", report.server_lost_after_ns.has_value()},
                   {"server_lost_after_ns", number(report.server_lost_after_ns)},
                   {"seconds", report.seconds()},
                   {"histogram_error", kHistogramError},
                   {"plan", plan(report.plan)},
                   {"published", published(report.published)}};
  for (const Protocol protocol : kAllProtocols)
    if (protocol == Protocol::sse || protocol == Protocol::websocket || report.has(protocol))
      all[name_of(protocol)] = subscribers(report, report.of(protocol));
  all["total"] = subscribers(report, report.total());
  all["groups"] = std::move(groups);
  all["last_receiver_ns"] = latencies(report.last_receiver, report.last_receiver_misses);
  all["last_receiver_buckets"] = histogram_json(report.last_receiver);
  all["last_receiver_every"] = report.last_receiver_every;
  all["timeline"] = timeline(report);
  all["server"] = server(report);
  json::array hosts;
  for (const HostReport& host : report.hosts)
    hosts.push_back(json::object{{"address", host.address},
                                 {"subscribers", host.subscribers},
                                 {"clock_ahead_ns", host.clock_ahead_ns},
                                 {"clock_error_ns", host.clock_error_ns},
                                 {"clock_drifted_ns", host.clock_drifted_ns}});
  all["hosts"] = std::move(hosts);
  all["tester"] =
      json::object{{"threads", std::move(threads)},
                   {"slip_ns", latencies(report.published.slip)},
                   {"bytes_per_connection",
                    report.bytes_per_connection ? json::value(*report.bytes_per_connection) : json::value(nullptr)}};
  all["warnings"] = std::move(warnings);
  all["notes"] = std::move(notes);
  return json::serialize(all);
}

}  // namespace fanlight::load
