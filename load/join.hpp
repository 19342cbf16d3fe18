// Taking part in a run that another host coordinates. In: where it is. Out: subscribers held until it says stop.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "load/plan.hpp"
#include "load/surroundings.hpp"

namespace fanlight::load {

/// What a host decides by itself; the rest of the plan comes from the coordinator.
struct JoinPlan {
  std::string coordinator;  // "10.0.0.1:9200"
  std::string secret;
  unsigned threads = 1;
  unsigned workers = 0;
  std::vector<std::string> sources;
  Security security;
  std::chrono::nanoseconds patience{std::chrono::seconds(30)};  // for a coordinator that is not there yet
};

/// For whoever started it; the report is the coordinator's.
struct Joined {
  std::uint64_t subscribers = 0;
  std::uint64_t received = 0;
  std::int64_t clock_ahead_ns = 0;  // this host's clock of the coordinator's
  std::uint64_t clock_error_ns = 0;
};

/// Waits for the run, carries out its share, hands over what it found. Threads: as a run of its own. Errors: no
/// coordinator, turned away, interrupted, the coordinator went away, the share cannot be carried out here.
Result<Joined> join(const JoinPlan& plan, const Surroundings& surroundings);

}  // namespace fanlight::load
