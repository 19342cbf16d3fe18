#include <boost/json.hpp>

#include "load/report.hpp"

namespace fanlight::load {
namespace {

namespace json = boost::json;

json::value latencies(const Latencies& histogram) {
  if (histogram.count() == 0) return nullptr;
  return json::object{{"count", histogram.count()},
                      {"mean", static_cast<std::uint64_t>(histogram.mean())},
                      {"p50", histogram.percentile(0.5)},
                      {"p90", histogram.percentile(0.9)},
                      {"p99", histogram.percentile(0.99)},
                      {"p999", histogram.percentile(0.999)},
                      {"max", histogram.max()}};
}

json::object counts(const std::map<std::string, std::uint64_t>& by_cause) {
  json::object out;
  for (const auto& [cause, count] : by_cause) out[cause] = count;
  return out;
}

json::object subscribers(const Report& report, const Tally& tally) {
  const auto share = [](std::uint64_t part, std::uint64_t all) {
    return all == 0 ? json::value(nullptr) : json::value(static_cast<double>(part) / static_cast<double>(all));
  };
  return {{"wanted", tally.wanted},
          {"established", tally.established},
          {"connect_failures", counts(tally.connect_failures)},
          {"disconnected", tally.disconnected},
          {"disconnects", counts(tally.disconnects)},
          {"survival", share(tally.established - tally.disconnected, tally.established)},
          {"expected", report.expected(tally)},
          {"received", tally.received},
          {"delivered_per_s", report.delivered_per_second(tally)},
          {"lost", report.lost(tally)},
          {"gaps", tally.gaps},
          {"duplicates", tally.duplicates},
          {"reordered", tally.reordered},
          {"malformed", tally.malformed},
          {"foreign", tally.foreign},
          {"warmup_received", tally.warmup},
          {"latency_ns", latencies(tally.latency)}};
}

}  // namespace

std::string to_json(const Report& report) {
  const Plan& plan = report.plan;
  const Published& published = report.published;
  json::array threads;
  for (const TesterThread& thread : report.tester)
    threads.push_back(json::object{{"name", thread.name}, {"cpu_share", thread.cpu_share}});
  json::array warnings;
  for (const std::string& warning : report.warnings()) warnings.push_back(json::value(warning));
  const json::object all{
      {"schema", kReportSchema},
      {"tool", "fanlight-load"},
      {"interrupted", report.interrupted},
      {"server_lost", report.server_lost_after_ns.has_value()},
      {"server_lost_after_ns",
       report.server_lost_after_ns ? json::value(*report.server_lost_after_ns) : json::value(nullptr)},
      {"seconds", report.seconds()},
      {"plan", json::object{{"url", plan.url},
                            {"topic", plan.topic},
                            {"sse", plan.sse},
                            {"ws", plan.ws},
                            {"rate", plan.rate},
                            {"size", plan.size},
                            {"duration_ns", plan.duration.count()},
                            {"warmup_ns", plan.warmup.count()},
                            {"publishers", plan.publishers},
                            {"threads", plan.threads}}},
      {"published", json::object{{"scheduled", published.scheduled},
                                 {"accepted", published.accepted},
                                 {"refused", published.refused},
                                 {"failed", published.failed},
                                 {"unanswered", published.unanswered},
                                 {"unsent", published.unsent()},
                                 {"unsent_busy", published.unsent_busy},
                                 {"unsent_no_connection", published.unsent_no_connection},
                                 {"causes", counts(published.causes)},
                                 {"answer_ns", latencies(published.answer)},
                                 {"wait_ns", latencies(published.wait)},
                                 {"queued_ns", latencies(published.queued)}}},
      {"sse", subscribers(report, report.sse)},
      {"ws", subscribers(report, report.ws)},
      {"total", subscribers(report, report.total())},
      {"tester", json::object{{"threads", std::move(threads)}, {"slip_ns", latencies(published.slip)}}},
      {"warnings", std::move(warnings)}};
  return json::serialize(all);
}

}  // namespace fanlight::load
