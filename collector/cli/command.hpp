// One subcommand of `fanlight`. In: parsed options. Out: an exit code's worth of outcome.
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

#include "core/error.hpp"

namespace fanlight::cli {

/// 0: done. An error is 1 unless it is a misuse that only shows after parsing, which is 2.
struct Outcome {
  int exit_code = 0;
};

/// What `main` runs once the command line is parsed.
using Run = std::function<Result<Outcome>()>;

/// Each adds its subcommand to `app` and sets `run` when that is chosen.
void add_doctor(CLI::App& app, Run& run);
void add_attach(CLI::App& app, Run& run);
void add_record(CLI::App& app, Run& run);
void add_report(CLI::App& app, Run& run);
void add_export(CLI::App& app, Run& run);
void add_diff(CLI::App& app, Run& run);
void add_top(CLI::App& app, Run& run);

}  // namespace fanlight::cli
