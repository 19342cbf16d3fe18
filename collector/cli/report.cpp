#include "collector/formats/report.hpp"

#include <cstdio>
#include <filesystem>
#include <memory>

#include "collector/cli/command.hpp"
#include "collector/cli/output.hpp"
#include "collector/store/recording.hpp"

namespace fanlight::cli {
namespace {

struct ReportOptions {
  std::filesystem::path file;
  bool json = false;
};

Result<Outcome> report(const ReportOptions& options) {
  const auto window = store::open_recording(options.file);
  if (!window) return within("report", window.error());
  const profile::Profile profile = window->query();
  const auto written = write_out("", options.json ? formats::report_json(profile) : formats::report_text(profile));
  if (!written) return within("report", written.error());
  if (!options.json) {
    std::fprintf(stderr, "next: fanlight export %s --view wall --format svg -o wall.svg\n", options.file.c_str());
  }
  return Outcome{};
}

}  // namespace

void add_report(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("report", "say what a recording shows");
  auto options = std::make_shared<ReportOptions>();
  command->add_option("FILE", options->file, "the recording")->required();
  command->add_flag("--json", options->json, "the same numbers for programs; times in ns");
  command->footer("\nExamples:\n  fanlight report run.fanlight\n  fanlight report run.fanlight --json | jq .totals\n");
  command->callback([options, &run] { run = [options] { return report(*options); }; });
}

}  // namespace fanlight::cli
