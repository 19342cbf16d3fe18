// One run from the first connect to the last straggler. In: a plan. Out: a report.
#pragma once

#include "core/error.hpp"
#include "load/plan.hpp"
#include "load/report.hpp"
#include "load/surroundings.hpp"

namespace fanlight::load {

/// Connects everyone, warms up, publishes on schedule, waits for stragglers. Threads: makes `plan.threads` + 1, all
/// gone when it returns. Errors: the server cannot be reached, nobody could subscribe, descriptors do not suffice. A
/// server that answers badly is no error: that is what the report is for.
Result<Report> run(const Plan& plan, const Surroundings& surroundings = {});

}  // namespace fanlight::load
