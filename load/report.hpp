// What a run found, for people and for programs. In: plan, tallies, account of publishing. Out: text, JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "load/plan.hpp"
#include "load/publisher.hpp"
#include "load/tally.hpp"

namespace fanlight::load {

/// Of the tester itself, over the measured part of the run.
struct TesterThread {
  std::string name;
  double cpu_share = 0;  // of one core
};

struct Report {
  Plan plan;
  bool interrupted = false;
  std::optional<std::uint64_t> server_lost_after_ns;  // from the first message until every connection was gone for good
  Published published;
  Tally sse;
  Tally ws;
  std::vector<TesterThread> tester;

  double seconds() const { return static_cast<double>(published.end_ns - published.begin_ns) / 1e9; }
  /// Deliveries over the measured time or, where they took longer than that, until the last one.
  double delivered_per_second(const Tally& tally) const;
  /// What so many subscribers should have received: every accepted message, once.
  std::uint64_t expected(const Tally& tally) const { return tally.established * published.accepted; }
  /// Expected and not received, by those that stayed connected and those that were cut off alike. Messages without an
  /// outcome (failed, unanswered) are not expected but may come all the same, which `warnings` says.
  std::uint64_t lost(const Tally& tally) const;
  /// Both protocols together.
  Tally total() const;
  /// In words, why the figures say more about the tester or its machine than about the server. Empty: they do not.
  std::vector<std::string> warnings() const;
};

/// The schema's version stands in the JSON as "schema"; fields are added, never renamed.
inline constexpr int kReportSchema = 1;

/// A table; ends with a line end.
std::string to_text(const Report& report);

/// One object, in one line. Durations in ns. Latencies of protocols without a message are null.
std::string to_json(const Report& report);

}  // namespace fanlight::load
