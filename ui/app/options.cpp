#include "ui/app/options.hpp"

#include <charconv>
#include <iostream>

#include <CLI/CLI.hpp>

#include "core/units.hpp"
#include "ui/viewmodel/settings.hpp"
#include "ui/viewmodel/trigger.hpp"

namespace fanlight::ui {
namespace {

constexpr const char* kExamples = R"(
examples:
  fanlight-ui                                    the collector on 127.0.0.1:9180; start it before or after
  fanlight-ui --connect 127.0.0.1:9300           another one
  fanlight-ui run.fanlight                       a recording; or pprof, folded stacks, perf script
  fanlight-ui 127.0.0.1:9180 before.fanlight     two targets, a tab each
  fanlight-ui run.fanlight --view wall --idle    wall time, idle waiting included
  xvfb-run -a fanlight-ui --screenshot dashboard.png --after 3s
)";

/// Words that CLI11 puts into its error, so that a bad value is misuse like an unknown option.
template <class T>
std::string words_of(const Result<T>& result) {
  if (result) return {};
  return result.error().what + (result.error().hint.empty() ? "" : "; " + result.error().hint);
}

CLI::Validator duration() {
  return {[](std::string& text) { return words_of(parse_duration(text)); }, "DURATION", "duration"};
}

std::chrono::nanoseconds duration_of(const std::string& text) { return *parse_duration(text); }

Result<profile::View> parse_view(const std::string& text) {
  if (const auto view = profile::view_from(text)) return *view;
  std::string names;
  for (const profile::View view : profile::kViews) names += " " + std::string(profile::name_of(view));
  return fail(0, "no view is called '" + text + "'", "one of:" + names);
}

}  // namespace

Result<std::pair<int, int>> parse_size(std::string_view text) {
  const auto refuse = [text] {
    return fail(0, "'" + std::string(text) + "' is not a size", "write it like 1600x1000, 320 to 8192 each");
  };
  const std::size_t cross = text.find('x');
  if (cross == std::string_view::npos) return refuse();
  int sides[2] = {};
  const std::string_view parts[2] = {text.substr(0, cross), text.substr(cross + 1)};
  for (int i = 0; i < 2; ++i) {
    const auto [end, ec] = std::from_chars(parts[i].data(), parts[i].data() + parts[i].size(), sides[i]);
    if (ec != std::errc{} || end != parts[i].data() + parts[i].size() || sides[i] < 320 || sides[i] > 8192)
      return refuse();
  }
  return std::pair(sides[0], sides[1]);
}

std::optional<Endpoint> endpoint_in(const std::string& target) {
  std::error_code unreadable;
  if (std::filesystem::exists(target, unreadable) || target.find('/') != std::string::npos) return std::nullopt;
  const auto endpoint = parse_endpoint(target);
  return endpoint ? std::optional(*endpoint) : std::nullopt;
}

std::variant<Options, int> parse_options(int argc, char** argv) {
  Options options;
  CLI::App app{"The Fanlight dashboard: where a program's time goes, live or from a recording.", "fanlight-ui"};
  app.footer(kExamples);
  app.set_version_flag("--version", "fanlight-ui " FANLIGHT_VERSION);
  std::string connect, view, last, after = "3s", then, run_for, size = "1600x1000", settings;
  auto* file =
      app.add_option("targets", options.targets,
                     "recordings, pprof, folded stacks, perf script, or HOST:PORT, a tab each; without any, the "
                     "collector on this machine")
          ->type_name("FILE...");
  app.add_option("--connect", connect, "where `fanlight attach` listens (default 127.0.0.1:9180)")
      ->type_name("HOST:PORT")
      ->excludes(file)
      ->check(CLI::Validator([](std::string& text) { return words_of(parse_endpoint(text)); }, "", "endpoint"));
  app.add_option("--view", view, "oncpu offcpu runnable wall socket map inprocess waker faults (default oncpu)")
      ->type_name("VIEW")
      ->check(CLI::Validator([](std::string& text) { return words_of(parse_view(text)); }, "", "view"));
  app.add_option("--last", last, "how much of the newest past to look at (default 10s; a recording: all)")
      ->check(duration());
  app.add_flag("--idle", options.idle, "show threads that wait in epoll, poll or select, too");
  app.add_option("--search", options.search, "mark functions whose name holds TEXT")->type_name("TEXT");
  app.add_option("--zoom", options.zoom, "zoom the flame graph into the heaviest box of this name")->type_name("NAME");
  app.add_option("--size", size, "window size (default 1600x1000)")
      ->type_name("WxH")
      ->check(CLI::Validator([](std::string& text) { return words_of(parse_size(text)); }, "", "size"));
  app.add_option("--scale", options.scale, "size of text and panels (default 1)")
      ->type_name("FACTOR")
      ->check(CLI::Range(0.5f, 4.0f));
  app.add_option("--page", options.page, "the page to begin with: Overview, Timeline, \"Flame graph\", Latency, ...")
      ->type_name("NAME");
  app.add_option("--theme", options.theme, "dark, light or contrast (default: as it was last)")
      ->check(CLI::IsMember({"dark", "light", "contrast"}));
  app.add_option("--trigger", options.triggers, "freeze and save a snapshot when it holds, as in 'p99 > 20ms'")
      ->type_name("CONDITION")
      ->check(CLI::Validator([](std::string& text) { return words_of(parse_trigger(text)); }, "", "trigger"));
  app.add_option("--out", options.exports, "where exports and snapshots go (default: here)")->type_name("DIR");
  app.add_option("--settings", settings,
                 "file of theme, size and layout (default ~/.config/fanlight/ui.conf; with "
                 "--screenshot or --script none)")
      ->type_name("FILE");
  app.add_option("--for", run_for, "close after this time")->check(duration());
  auto* screenshot =
      app.add_option("--screenshot", options.screenshot, "write one picture, then exit")->type_name("FILE.png");
  app.add_option("--after", after, "when to take the picture (default 3s)")->check(duration())->needs(screenshot);
  app.add_option("--then", then, "take a second picture this much later; its name ends in -2")
      ->check(duration())
      ->needs(screenshot);
  app.add_option("--widgets", options.widgets, "with the picture, write what is where (for tests)")
      ->type_name("FILE.json")
      ->needs(screenshot);
  app.add_option("--script", options.script, "do what this file says, then exit; docs/dashboard.md lists the steps")
      ->type_name("FILE")
      ->excludes(screenshot);
  std::pair<int, int> pointer{-1, -1};
  constexpr const char* kHidden = "";  // for tests and for pictures in documents
  auto* where = app.add_option("--pointer", pointer, "with the picture, as if the mouse were at X Y");
  where->group(kHidden)->needs(screenshot);
  app.add_flag("--click", options.click, "with the picture, after a click at the pointer")
      ->group(kHidden)
      ->needs(where);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& done) {
    return app.exit(done);
  } catch (const CLI::ParseError& misuse) {
    std::cerr << "fanlight-ui: " << misuse.what() << "\nhint: fanlight-ui --help shows the options and examples\n";
    return 2;
  }
  if (!connect.empty()) options.targets = {connect};
  if (!view.empty()) options.view = *parse_view(view);
  if (!settings.empty())
    options.settings = settings;
  else if (options.screenshot.empty() && options.script.empty())
    options.settings = settings_path();
  if (!last.empty()) options.last = duration_of(last);
  if (!run_for.empty()) options.run_for = duration_of(run_for);
  options.after = duration_of(after);
  if (!then.empty()) options.then = duration_of(then);
  if (pointer.first >= 0) options.pointer = pointer;
  std::tie(options.width, options.height) = *parse_size(size);
  return options;
}

}  // namespace fanlight::ui
