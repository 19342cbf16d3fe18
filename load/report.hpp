// What a run found, for people and for programs. In: plan, tallies, account of publishing. Out: text, JSON, HTML, HDR.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "load/plan.hpp"
#include "load/published.hpp"
#include "load/tally.hpp"

namespace fanlight::load {

/// Of the tester itself, over the measured part of the run.
struct TesterThread {
  std::string name;
  double cpu_share = 0;  // of one core
};

struct GroupReport {
  Group group;
  Tally tally;
};

/// A second of the run, or what the last one was of it. Latencies are of messages received in it, at most 12.5 % above
/// the truth; 0 where nothing was received.
struct Second {
  double at = 0;  // seconds since the measurement began, at its end
  double seconds = 1;
  std::uint64_t received = 0;
  std::uint64_t published = 0;
  std::uint64_t p50_ns = 0;
  std::uint64_t p99_ns = 0;
  std::uint64_t max_ns = 0;
  std::uint64_t streams = 0;  // standing at its end
  std::uint64_t cuts = 0;
};

struct ServerReport {
  double cpu_seconds = 0;                  // over the measured part
  std::uint64_t rss_bytes = 0;             // the most that was seen
  std::uint64_t sockets = 0;               // likewise
  std::uint64_t close_wait = 0;            // likewise
  std::uint64_t receive_buffer_bytes = 0;  // likewise; of kernel memory
  std::uint64_t send_buffer_bytes = 0;
  std::string trouble;  // why some of it could not be read
};

/// A host that held some of the subscribers.
struct HostReport {
  std::string address;
  std::uint64_t subscribers = 0;      // that it had
  std::int64_t clock_ahead_ns = 0;    // of the coordinator's; latencies are corrected by it
  std::uint64_t clock_error_ns = 0;   // that may remain
  std::int64_t clock_drifted_ns = 0;  // over the run
};

struct Report {
  Plan plan;
  bool interrupted = false;
  std::optional<std::uint64_t> server_lost_after_ns;  // from the first message until every connection was gone for good
  Published published;
  std::vector<GroupReport> groups;
  std::vector<TesterThread> tester;
  Latencies last_receiver;  // ns from due to the last subscriber's receiving it, of messages that all received
  std::uint64_t last_receiver_misses = 0;
  std::uint64_t last_receiver_every = 1;  // one message in so many was followed
  std::vector<Second> timeline;
  std::optional<ServerReport> server;
  std::vector<HostReport> hosts;               // where others held the subscribers
  std::optional<double> bytes_per_connection;  // of the tester's own memory
  std::vector<std::string> notes;              // what was not done as planned

  double seconds() const { return static_cast<double>(published.end_ns - published.begin_ns) / 1e9; }
  /// Deliveries over the measured time or, where they took longer than that, until the last one.
  double delivered_per_second(const Tally& tally) const;
  /// What so many subscribers should have received: every accepted message since they came, once. Nobody knows when
  /// somebody else publishes: what was received.
  std::uint64_t expected(const Tally& tally) const;
  std::uint64_t expected(const Tally& tally, std::size_t phase) const;
  /// Expected and not received, by those that stayed connected and those that were cut off alike. Messages without an
  /// outcome (failed, unanswered) are not expected but may come all the same, which `warnings` says.
  std::uint64_t lost(const Tally& tally) const;
  /// Due and never received, whatever kept it: lost, failed, unanswered or not even sent. Not what the server refused.
  std::uint64_t misses(const Tally& tally) const;
  std::uint64_t misses(const Tally& tally, std::size_t phase) const;
  /// With its misses; empty where the rank falls to one.
  std::optional<std::uint64_t> latency(const Tally& tally, double fraction) const {
    return percentile_with_misses(tally.latency(), misses(tally), fraction);
  }
  /// The well-behaved subscribers of a protocol, and of all: profiles that do not read everything are kept apart.
  Tally of(Protocol protocol) const;
  Tally total() const;
  bool has(Protocol protocol) const;
  /// Streams stood, and at the end none did: no subscriber came through, whatever the figures up to then say.
  bool nobody_left() const;
  /// Of those that came before publishing began: streams per second. Empty: too few to say.
  std::optional<double> accepted_per_second(const Tally& tally) const;
  /// In words, why the figures say more about the tester or its machine than about the server. Empty: they do not.
  std::vector<std::string> warnings() const;
};

/// "sse", "ws:slow-reader=2K".
std::string label_of(const Group& group);

/// The schema's version stands in the JSON as "schema"; fields are added, never renamed.
inline constexpr int kReportSchema = 1;

/// Tables; ends with a line end.
std::string to_text(const Report& report);

/// One object, in one line. Durations in ns. Latencies of protocols without a message are null; so are percentiles that
/// fall to a miss.
std::string to_json(const Report& report);

/// A page that needs nothing else: figures and plots of one run.
std::string to_html(const Report& report);

/// Latencies of all well-behaved subscribers in HdrHistogram's text form, values in ms. Percentiles are of what was
/// due: with misses the last line stands below 1, and a comment counts them; mean, deviation and max are of what came.
/// Source: HdrHistogram, outputPercentileDistribution.
std::string to_hdr(const Report& report);

}  // namespace fanlight::load
