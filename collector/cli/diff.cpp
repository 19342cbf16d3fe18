#include "collector/profile/diff.hpp"

#include <charconv>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "collector/cli/command.hpp"
#include "collector/cli/open_input.hpp"
#include "collector/cli/options.hpp"
#include "collector/cli/output.hpp"
#include "collector/formats/diff_text.hpp"

namespace fanlight::cli {
namespace {

struct DiffCommand {
  std::filesystem::path before;
  std::filesystem::path after;
  std::filesystem::path output;
  std::optional<profile::View> view;
  std::string format = "text";
  std::string per;
  profile::Selection selection;
  double noise_percent = 0.5;
  std::optional<double> fail_above;  // share
};

/// What of the second run costs more than allowed, in words; empty: nothing does.
std::string offence(const profile::Diff& diff, double limit) {
  const double whole = diff.whole.before;
  const auto exceeds = [&](const profile::Change& change) { return !change.noise && change.change() > limit * whole; };
  const auto share = [&](const profile::Change& change) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f %%", whole > 0 ? 100 * change.change() / whole : 0.0);
    return std::string(text);
  };
  if (exceeds(diff.whole)) return "the whole grew by " + share(diff.whole);
  for (const profile::Change& change : diff.functions) {
    if (exceeds(change)) return change.name + " grew by " + share(change) + " of the whole";
  }
  return {};
}

Result<Outcome> diff(const DiffCommand& command) {
  auto before = open_input(command.before);
  if (!before) return within("diff", before.error());
  auto after = open_input(command.after);
  if (!after) return within("diff", after.error());
  profile::DiffOptions options{
      .view = command.view.value_or(before->format == "recording" ? profile::View::on_cpu : before->view),
      .per = command.per,
      .noise = command.noise_percent / 100};
  const auto selector = profile::Selector::make(command.selection);
  const auto found = profile::diff(before->window, after->window, *selector, options);
  if (!found) return within("diff", found.error());
  const std::string text = command.format == "json"       ? formats::diff_json(*found)
                           : command.format == "markdown" ? formats::diff_markdown(*found)
                           : command.format == "svg"      ? formats::diff_svg(*found)
                                                          : formats::diff_text(*found);
  if (const auto written = write_out(command.output, text); !written) return within("diff", written.error());
  if (!command.fail_above) return Outcome{};
  const std::string worse = offence(*found, *command.fail_above);
  if (worse.empty()) return Outcome{};
  return fail(0, "diff: " + worse, "the limit is --fail-above; see the table for where it comes from");
}

}  // namespace

void add_diff(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("diff", "say what changed between two recordings, and how sure that is");
  auto options = std::make_shared<DiffCommand>();
  command->add_option("BEFORE", options->before, "a recording, folded stacks, pprof or perf script text")->required();
  command->add_option("AFTER", options->after, "the same of the other run")->required();
  add_view(*command, options->view);
  command->add_option("--format", options->format, "text (default), markdown, json or svg")
      ->check(CLI::IsMember({"text", "markdown", "json", "svg"}))
      ->type_name("FORMAT");
  command
      ->add_option("--per", options->per,
                   "divide by this counter of the target (deliveries, publishes) instead of by time")
      ->type_name("COUNTER");
  command->add_option("--thread", options->selection.thread, "only threads whose name matches")->type_name("REGEX");
  command->add_option("--focus", options->selection.focus, "only stacks with a function that matches")
      ->type_name("REGEX");
  command->add_option("--ignore", options->selection.ignore, "without stacks that have such a function")
      ->type_name("REGEX");
  command
      ->add_option("--noise", options->noise_percent,
                   "a change below this percentage of the first run's whole is noise (default 0.5)")
      ->check(CLI::Range(0.0, 100.0))
      ->type_name("N");
  command
      ->add_option_function<std::string>(
          "--fail-above",
          [options](std::string text) {
            if (text.ends_with('%')) text.pop_back();
            double percent = 0;
            const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), percent);
            if (ec != std::errc{} || end != text.data() + text.size() || percent < 0) {
              throw CLI::ValidationError("--fail-above", "'" + text + "' is not a percentage like 5%");
            }
            options->fail_above = percent / 100;
          },
          "exit with 1 when the whole or a function surely grew by more than this share of the first run's whole")
      ->type_name("N%");
  command->add_option("-o,--output", options->output, "where to (default stdout)")->type_name("FILE");
  command->footer(
      "\nExamples:\n"
      "  fanlight diff before.fanlight after.fanlight --view oncpu --fail-above 5%\n"
      "  fanlight diff before.fanlight after.fanlight --per deliveries --format markdown\n"
      "  fanlight diff before.fanlight after.fanlight --view wall --format svg -o diff.svg\n");
  command->callback([options, &run] {
    if (const auto selector = profile::Selector::make(options->selection); !selector) {
      throw CLI::ValidationError(selector.error().what);
    }
    run = [options] { return diff(*options); };
  });
}

}  // namespace fanlight::cli
