#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "collector/cli/command.hpp"
#include "collector/cli/open_input.hpp"
#include "collector/cli/options.hpp"
#include "collector/cli/output.hpp"
#include "collector/cli/select_options.hpp"
#include "collector/formats/folded.hpp"
#include "collector/formats/html.hpp"
#include "collector/formats/perfetto.hpp"
#include "collector/formats/pprof.hpp"
#include "collector/formats/speedscope.hpp"
#include "collector/formats/svg.hpp"
#include "collector/formats/tabular.hpp"
#include "collector/profile/view.hpp"

namespace fanlight::cli {
namespace {

enum class Format { folded, pprof, speedscope, perfetto, svg, html, csv, json };

struct FormatName {
  std::string_view name;
  Format format;
  bool binary = false;
};
constexpr std::array<FormatName, 8> kFormats{{{"folded", Format::folded},
                                              {"pprof", Format::pprof, true},
                                              {"speedscope", Format::speedscope},
                                              {"perfetto", Format::perfetto, true},
                                              {"svg", Format::svg},
                                              {"html", Format::html},
                                              {"csv", Format::csv},
                                              {"json", Format::json}}};

std::string format_names() {
  std::string names;
  for (const FormatName& format : kFormats) names += (names.empty() ? "" : " ") + std::string(format.name);
  return names;
}

struct ExportOptions {
  std::filesystem::path recording;
  std::filesystem::path output;
  std::optional<profile::View> view;
  FormatName format = kFormats[0];
  SelectOptions select;
};

Result<std::string> rendered(const profile::WeightedStacks& stacks, Format format) {
  switch (format) {
    case Format::pprof: return formats::pprof(stacks);
    case Format::speedscope: return formats::speedscope(stacks);
    case Format::svg: return formats::svg(stacks);
    case Format::html: return formats::html(stacks);
    case Format::csv: return formats::csv(stacks);
    case Format::json: return formats::stacks_json(stacks);
    case Format::folded:
    case Format::perfetto: break;
  }
  return fail(0, "unknown format");
}

bool carries_labels(Format format) {
  return format == Format::pprof || format == Format::csv || format == Format::json;
}

/// Each step gives back the memory of the one before: a recording of hours is large three times over.
profile::WeightedStacks shown(const ExportOptions& options, formats::Imported file) {
  profile::Profile profile = options.select.query(file.window);
  const profile::View view = options.view.value_or(file.view);
  file.window = profile::Window({}, 0);
  return options.select.selector().view(profile, view, carries_labels(options.format.format));
}

Result<> exported(const ExportOptions& options, formats::Imported file, Output& output) {
  const Format format = options.format.format;
  if (format == Format::perfetto) return output.write(formats::perfetto(options.select.slices(file.window)));
  const profile::WeightedStacks stacks = shown(options, std::move(file));
  if (stacks.stacks.empty()) {
    std::fprintf(stderr, "export: the %s view of this recording is empty; fanlight report says what was probed\n",
                 stacks.name.c_str());
  }
  if (format == Format::folded)
    return formats::folded(stacks, [&](std::string_view piece) { return output.write(piece); });
  const auto bytes = rendered(stacks, format);
  return bytes ? output.write(*bytes) : std::unexpected(bytes.error());
}

Result<Outcome> export_view(const ExportOptions& options) {
  const bool to_terminal = (options.output.empty() || options.output == "-") && ::isatty(STDOUT_FILENO) == 1;
  if (options.format.binary && to_terminal) {
    return fail(0, "export: " + std::string(options.format.name) + " is binary and stdout is a terminal",
                "add -o FILE");
  }
  auto file = open_input(options.recording);
  if (!file) return within("export", file.error());
  std::error_code ignored;
  if (!options.output.empty() && std::filesystem::equivalent(options.output, options.recording, ignored)) {
    return fail(0, "export: " + options.output.string() + " is the recording itself", "choose another file with -o");
  }
  if (const auto there = options.select.find_in(file->window); !there) return within("export", there.error());
  auto output = Output::create(options.output);
  if (!output) return within("export", output.error());
  if (const auto done = exported(options, std::move(*file), *output); !done) return within("export", done.error());
  if (const auto done = output->complete(); !done) return within("export", done.error());
  return Outcome{};
}

}  // namespace

void add_export(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("export", "write a view of a recording for other tools");
  auto options = std::make_shared<ExportOptions>();
  command
      ->add_option("FILE", options->recording,
                   "a recording, or folded stacks, pprof or perf script text; - is standard input")
      ->required();
  add_view(*command, options->view);
  command
      ->add_option_function<std::string>(
          "--format",
          [options](const std::string& text) {
            for (const FormatName& format : kFormats) {
              if (format.name != text) continue;
              options->format = format;
              return;
            }
            throw CLI::ValidationError("--format", "'" + text + "' is none of: " + format_names());
          },
          "folded (default) or one of: " + format_names())
      ->type_name("FORMAT");
  command->add_option("-o,--output", options->output, "where to (default stdout)")
      ->type_name("FILE")
      ->check(file_name());
  options->select.add_to(*command, true);
  command->footer(
      "\nExamples:\n"
      "  fanlight export run.fanlight --view wall --format folded\n"
      "  fanlight export run.fanlight --format html --thread worker --from 5s --to 8s -o wall.html\n"
      "  fanlight export run.fanlight --format pprof -o wall.pb.gz && go tool pprof -http=: wall.pb.gz\n"
      "  fanlight export run.fanlight --format perfetto --redact 'topic-[a-z]+' -o run.pftrace\n"
      "  perf script | fanlight export - --format speedscope -o perf.speedscope.json\n");
  command->callback([options, &run] {
    options->select.check();
    run = [options] { return export_view(*options); };
  });
}

}  // namespace fanlight::cli
