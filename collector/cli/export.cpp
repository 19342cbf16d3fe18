#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "collector/cli/command.hpp"
#include "collector/cli/options.hpp"
#include "collector/cli/output.hpp"
#include "collector/formats/folded.hpp"
#include "collector/formats/pprof.hpp"
#include "collector/formats/svg.hpp"
#include "collector/profile/view.hpp"
#include "collector/store/recording.hpp"

namespace fanlight::cli {
namespace {

enum class Format { folded, pprof, svg };

struct ExportOptions {
  std::filesystem::path recording;
  std::filesystem::path output;
  profile::View view = profile::View::wall;
  Format format = Format::folded;
};

Result<std::string> rendered(const profile::WeightedStacks& stacks, Format format) {
  switch (format) {
    case Format::folded: return formats::folded(stacks);
    case Format::svg: return formats::svg(stacks);
    case Format::pprof: return formats::pprof(stacks);
  }
  return fail(0, "unknown format");
}

Result<Outcome> export_view(const ExportOptions& options) {
  const bool to_terminal = (options.output.empty() || options.output == "-") && ::isatty(STDOUT_FILENO) == 1;
  if (options.format == Format::pprof && to_terminal) {
    return fail(0, "export: pprof is binary and stdout is a terminal", "add -o oncpu.pb.gz");
  }
  const auto window = store::open_recording(options.recording);
  if (!window) return within("export", window.error());
  const profile::WeightedStacks stacks = profile::view(window->query(), options.view);
  if (stacks.stacks.empty()) {
    std::fprintf(stderr, "export: the %s view of this recording is empty; fanlight report says what was probed\n",
                 std::string(name_of(options.view)).c_str());
  }
  std::error_code ignored;
  if (!options.output.empty() && std::filesystem::equivalent(options.output, options.recording, ignored)) {
    return fail(0, "export: " + options.output.string() + " is the recording itself", "choose another file with -o");
  }
  const auto bytes = rendered(stacks, options.format);
  if (!bytes) return within("export", bytes.error());
  if (const auto written = write_out(options.output, *bytes); !written) return within("export", written.error());
  return Outcome{};
}

}  // namespace

void add_export(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("export", "write a view of a recording for other tools");
  auto options = std::make_shared<ExportOptions>();
  command->add_option("FILE", options->recording, "the recording")->required();
  add_view(*command, options->view);
  command
      ->add_option_function<std::string>(
          "--format",
          [options](const std::string& text) {
            static const std::map<std::string, Format> formats{
                {"folded", Format::folded}, {"pprof", Format::pprof}, {"svg", Format::svg}};
            const auto found = formats.find(text);
            if (found == formats.end()) {
              throw CLI::ValidationError("--format", "'" + text + "' is none of: folded pprof svg");
            }
            options->format = found->second;
          },
          "folded (default), pprof or svg")
      ->type_name("FORMAT");
  command->add_option("-o,--output", options->output, "where to (default stdout)")->type_name("FILE");
  command->footer(
      "\nExamples:\n"
      "  fanlight export run.fanlight --view wall --format folded\n"
      "  fanlight export run.fanlight --view wall --format svg -o wall.svg\n"
      "  fanlight export run.fanlight --view oncpu --format pprof -o oncpu.pb.gz && go tool pprof -http=: "
      "oncpu.pb.gz\n");
  command->callback([options, &run] { run = [options] { return export_view(*options); }; });
}

}  // namespace fanlight::cli
