#include "collector/formats/report.hpp"

#include <cstdio>
#include <filesystem>
#include <memory>

#include "collector/cli/command.hpp"
#include "collector/cli/open_input.hpp"
#include "collector/cli/output.hpp"
#include "collector/cli/select_options.hpp"
#include "collector/formats/trust_text.hpp"

namespace fanlight::cli {
namespace {

struct ReportOptions {
  std::filesystem::path file;
  bool json = false;
  bool cross_check = false;
  SelectOptions select;
};

Result<Outcome> report(const ReportOptions& options) {
  const auto file = open_input(options.file);
  if (!file) return within("report", file.error());
  if (const auto there = options.select.find_in(file->window); !there) return within("report", there.error());
  const profile::Profile profile = options.select.query(file->window);
  if (options.cross_check) {
    const profile::TrustReport trust = profile::trust(profile);
    const auto told = write_out("", options.json ? formats::trust_json(trust) : formats::trust_text(trust));
    if (!told) return within("report", told.error());
    if (trust.possible()) return Outcome{};
    return fail(0, "report: two samplers are needed to check one by the other",
                "record a program that links fanlight::inprocess, or runs with libfanlight-preload.so, as root");
  }
  const auto written = write_out("", options.json ? formats::report_json(profile) : formats::report_text(profile));
  if (!written) return within("report", written.error());
  if (!options.json) {
    std::fprintf(stderr, "next: fanlight export %s --format html -o profile.html\n", options.file.c_str());
  }
  return Outcome{};
}

}  // namespace

void add_report(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("report", "say what a recording shows");
  auto options = std::make_shared<ReportOptions>();
  command
      ->add_option("FILE", options->file,
                   "a recording, or folded stacks, pprof or perf script text; - is standard input")
      ->required();
  command->add_flag("--json", options->json, "the same numbers for programs; times in ns");
  command->add_flag("--cross-check", options->cross_check,
                    "compare the two samplers: shares with their 95 % intervals, what only one sees and why, trust by "
                    "module");
  options->select.add_to(*command, false);
  command->footer(
      "\nExamples:\n"
      "  fanlight report run.fanlight\n"
      "  fanlight report run.fanlight --thread worker --from 10s --to 20s\n"
      "  fanlight report run.fanlight --json | jq .causes\n"
      "  fanlight report run.fanlight --cross-check\n");
  command->callback([options, &run] {
    options->select.check();
    run = [options] { return report(*options); };
  });
}

}  // namespace fanlight::cli
