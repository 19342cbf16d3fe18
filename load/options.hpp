// The command line of fanlight-load. In: argv. Out: a plan and where to put the report.
#pragma once

#include <string>
#include <variant>

#include "core/error.hpp"
#include "load/plan.hpp"

namespace fanlight::load {

struct Options {
  Plan plan;
  std::string json;  // a file, "-" for standard output, empty for none
  bool quiet = false;
};

/// What to print on standard output and then leave with 0: the help, the version.
struct Information {
  std::string text;
};

/// Errors: misuse, in words; `main` leaves with 2. Threads: one at a time.
Result<std::variant<Options, Information>> parse_options(int argc, const char* const* argv);

}  // namespace fanlight::load
