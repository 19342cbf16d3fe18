// One run from the first connect to the last straggler. In: a plan. Out: a report.
#pragma once

#include <functional>
#include <string>

#include "core/error.hpp"
#include "load/plan.hpp"
#include "load/report.hpp"

namespace fanlight::load {

/// What the world gives a run, beside its plan.
struct Surroundings {
  std::function<bool()> interrupted = [] { return false; };  // asked every 20 ms; true ends the run early
  std::function<void(const std::string&)> progress = [](const std::string&) {};  // a line in words
  unsigned progress_every_ms = 1000;
};

/// Connects everyone, warms up, publishes on schedule, waits for stragglers. Threads: makes `plan.threads` + 1, all
/// gone when it returns. Errors: the server cannot be reached, nobody could subscribe, descriptors do not suffice. A
/// server that answers badly is no error: that is what the report is for.
Result<Report> run(const Plan& plan, const Surroundings& surroundings = {});

}  // namespace fanlight::load
