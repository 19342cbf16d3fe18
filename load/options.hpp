// The command line of fanlight-load. In: argv. Out: a plan and where to put the report.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/error.hpp"
#include "load/join.hpp"
#include "load/plan.hpp"
#include "load/verdict.hpp"

namespace fanlight::load {

struct Options {
  Plan plan;
  std::vector<Limit> limits;  // that fail the run
  std::string json;           // a file, "-" for standard output, empty for none
  std::string html;           // a file, empty for none
  std::string hdr;            // likewise
  bool quiet = false;
  std::optional<JoinPlan> join;  // then nothing else counts but `quiet`
};

/// What to print on standard output and then leave with 0: the help, the version.
struct Information {
  std::string text;
};

/// Reads the scenario file, too, when one is given. Errors: misuse, in words; `main` leaves with 2. Threads: one at a
/// time.
Result<std::variant<Options, Information>> parse_options(int argc, const char* const* argv);

}  // namespace fanlight::load
