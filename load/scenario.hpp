// A run written down. In: a JSON file. Out: what it changes of a plan, and its limits.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "load/plan.hpp"
#include "load/verdict.hpp"

namespace fanlight::load {

/// {"url": "...", "topic": "...", "size": "1K", "warmup": "1s",
///  "phases": [{"name": "rise", "for": "20s", "schedule": "100..1000"}, ...],
///  "subscribers": [{"protocol": "sse", "count": 500, "profile": "slow-reader=2K"}, ...],
///  "reconnect": true, "fail_if": ["p99>50ms", ...]}, where every member may be missing and what is missing stays as it
/// is. Errors: not JSON, unknown members, values out of bounds; `plan` and `limits` are untouched then.
Result<> read_scenario(std::string_view text, Plan& plan, std::vector<Limit>& limits);

/// "sse:50:slow-reader=2K": protocol, count and, when it is not plain, the profile.
Result<Group> parse_group(std::string_view text);

}  // namespace fanlight::load
