// Pass or fail. In: limits as text, a report. Out: which limits were broken.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "load/report.hpp"

namespace fanlight::load {

/// "p99>50ms": the run has failed when this holds. "ws.p99" looks at one protocol, "sse:slow-reader=2K.survival" at a
/// group; else all well-behaved subscribers count.
struct Limit {
  std::string text;
  std::string scope;   // empty: all
  std::string figure;  // p50 p90 p99 p99.9 p99.99 max last_receiver (p99) first_event (p99) recovery (p99) lost ...
  bool above = true;   // fails above the value, else below
  double value = 0;    // ns, a share of one, or a count, as the figure wants
  bool share = false;  // "lost>1%"
};

/// The figures that there are, for the help.
std::string_view limit_figures();

/// Comma-separated. Errors: no such figure, a value without the unit that it needs.
Result<std::vector<Limit>> parse_limits(std::string_view text);

/// Before a run: errors: a scope that it will not have.
Result<> check(const std::vector<Limit>& limits, const Plan& plan);

/// One line per limit that is broken: "p99>50ms: 71.2 ms". A percentile that falls to a miss, and a figure that nothing
/// was measured for, break any limit on it. Errors: a scope that the run does not have.
Result<std::vector<std::string>> broken_limits(const std::vector<Limit>& limits, const Report& report);

}  // namespace fanlight::load
