// A condition that freezes the moment. In: "p99 > 20ms", a profile's seconds. Out: whether it holds, and where.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/profile/profile.hpp"
#include "core/error.hpp"

namespace fanlight::ui {

/// `metric op value`, over one slice of the window.
struct Trigger {
  std::string text;    // as it was written
  std::string metric;  // "p99", "deliveries", ...
  bool above = true;
  double value = 0;  // ns, or a number
  bool operator==(const Trigger&) const = default;
};

/// "p99 > 20ms", "run queue p99 > 5 ms", "deliveries < 1000/s", "errors > 0", "futex > 0.5" (threads in that state).
/// Errors: no comparison, no number, a metric that is none of `trigger_metrics()` and no word; with a hint.
Result<Trigger> parse_trigger(std::string_view text);

/// What can be asked for, beside any metric of the target: p50 p99 p99.9 (of the delivery latency, or of the wait for a
/// CPU where there is none), "run queue p99", throughput, errors, losses, writes, cpus, and every state by its name.
std::vector<std::string> trigger_metrics();

/// The metric in one slice; none: not measured then.
std::optional<double> trigger_value(const Trigger& trigger, const profile::SecondPoint& second);

struct Fired {
  std::uint64_t from_ns = 0, to_ns = 0;  // of the slice
  double value = 0;
};
/// The first slice after `after_ns` in which it holds. Cost: O(slices after it).
std::optional<Fired> first_fired(const Trigger& trigger, const profile::Profile& profile, std::uint64_t after_ns);

/// "23.1 ms" or "84.2k", as the metric is.
std::string trigger_words(const Trigger& trigger, double value);

}  // namespace fanlight::ui
