#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "collector/cli/command.hpp"
#include "collector/cli/options.hpp"
#include "collector/cli/progress.hpp"
#include "collector/cli/stop.hpp"
#include "collector/profile/redact.hpp"
#include "collector/session/session.hpp"
#include "collector/store/recording.hpp"
#include "core/clock.hpp"
#include "core/units.hpp"

namespace fanlight::cli {
namespace {

struct RecordOptions {
  WatchOptions watch;
  std::optional<std::chrono::nanoseconds> time;
  std::filesystem::path file = "run.fanlight";
  std::optional<std::chrono::nanoseconds> keep;
  std::uint64_t max_bytes = 0;
  std::string redact;
};

Result<store::RecorderOptions> recorder_options(const RecordOptions& options) {
  store::RecorderOptions made{.keep = options.keep, .max_bytes = options.max_bytes, .redact = {}};
  if (options.redact.empty()) return made;
  auto redaction = profile::Redaction::make(options.redact);
  if (!redaction) return std::unexpected(redaction.error());
  made.redact = [shared = std::make_shared<profile::Redaction>(std::move(*redaction))](const std::string& text) {
    return (*shared)(text);
  };
  return made;
}

/// Debug information of half a gigabyte takes seconds, a server longer: said, and left for want of patience.
void name_the_rest(session::Session& session) {
  constexpr std::chrono::milliseconds kSilent{1500}, kLook{100};
  constexpr std::chrono::seconds kPatience{60};
  if (session.settle_names(kSilent)) return;
  forget_stop();
  std::fprintf(stderr, "reading debug information; Ctrl-C leaves the rest without names and lines\n");
  for (std::chrono::milliseconds waited = kSilent; waited < kPatience && !stop_requested(); waited += kLook)
    if (session.settle_names(kLook)) return;
}

Result<Outcome> record(const RecordOptions& options) {
  catch_stop_signals();
  auto watched = options.watch.find();
  if (!watched) return within("record", watched.error());
  std::optional<process::Launched>& launched = watched->launched;
  auto session = session::Session::attach(watched->options);
  if (!session) return within("record", session.error());
  // Only now: an attach that fails must not replace an older recording.
  const profile::Window& window = session->window();
  auto recorder_settings = recorder_options(options);
  if (!recorder_settings) return within("record", recorder_settings.error());
  auto recorder = store::Recorder::create(options.file, window.target(), window.realtime_offset_ns(),
                                          std::move(*recorder_settings));
  if (!recorder) return within("record", recorder.error());
  keep_only_looking(watched->options.pid, std::filesystem::absolute(options.file).parent_path());
  say_what_is_missing(window.target());
  std::fprintf(stderr, "recording %s to %s; Ctrl-C ends it and keeps what was seen\n", who(window.target()).c_str(),
               options.file.c_str());
  if (launched) {
    if (const auto gone = launched->let_go(); !gone) return within("record", gone.error());
    session->started();
  }

  Progress progress(options.time);
  const std::uint64_t start_ns = monotonic_ns();
  std::size_t written = 0;
  const auto write_new = [&]() -> Result<> {
    // The window may have forgotten slices at its cap, but never one that was not written: it is asked after every
    // slice.
    const std::size_t total = window.slices().size() + window.slices_forgotten();
    for (; written < total; ++written) {
      const profile::Slice& slice = window.slices()[written - window.slices_forgotten()];
      if (const auto done = recorder->append(window.tables(), slice); !done) return within("record", done.error());
    }
    progress.update(window);
    return {};
  };

  while (!stop_requested() && session->target_alive()) {
    std::chrono::nanoseconds left = std::chrono::milliseconds(100);
    if (options.time) {
      const std::chrono::nanoseconds passed(monotonic_ns() - start_ns);
      if (passed >= *options.time) break;
      left = std::min(left, *options.time - passed);
    }
    const auto step = session->step(std::chrono::ceil<std::chrono::milliseconds>(left));
    if (!step) return within("record", step.error());
    if (!*step) continue;
    if (const auto done = write_new(); !done) return std::unexpected(done.error());
  }
  // A last slice of a few milliseconds would say more of its own edges than of the target; the recording ends before
  // it.
  const bool worth_it = session->open_time() >= std::chrono::milliseconds(200) || window.slices().empty();
  if (session->target_alive() && worth_it) {
    if (const auto done = session->flush(); !done) return within("record", done.error());
  }
  if (const auto done = write_new(); !done) return std::unexpected(done.error());
  name_the_rest(*session);
  if (const auto done = recorder->rename(window.tables()); !done) return within("record", done.error());
  if (const auto done = recorder->finish(window.target()); !done) return within("record", done.error());
  say_how_it_ended(launched);
  progress.finish(window, options.file);
  return Outcome{};
}

}  // namespace

void add_record(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("record", "watch a process and write a recording (a SQLite file)");
  auto options = std::make_shared<RecordOptions>();
  options->watch.add_to(*command);
  add_duration(*command, "--for", options->time, "how long; without it until Ctrl-C or until the process exits");
  command
      ->add_option("-o,--output", options->file, "the recording (default run.fanlight); an older recording is replaced")
      ->type_name("FILE")
      ->check(file_name());
  add_duration(*command, "--keep", options->keep, "keep only this much of the past; older seconds are let go");
  command
      ->add_option_function<std::string>(
          "--max",
          [options](std::string text) {
            if (text.ends_with("MB") || text.ends_with("GB") || text.ends_with("KB")) text.pop_back();
            const auto bytes = parse_bytes(text);
            if (!bytes) throw CLI::ValidationError("--max", bytes.error().what + "; " + bytes.error().hint);
            constexpr std::uint64_t kLeast = std::uint64_t{4} << 20;
            if (*bytes < kLeast) throw CLI::ValidationError("--max", "4MB at least");
            options->max_bytes = *bytes;
          },
          "how large the file may become; the oldest seconds make room")
      ->type_name("SIZE");
  command->add_option("--redact", options->redact, "write [redacted] for every match in names, paths and label values")
      ->type_name("REGEX");
  command->footer(
      "\nExamples:\n"
      "  sudo fanlight record --pid 4242 --for 10s -o run.fanlight\n"
      "  sudo fanlight record -o run.fanlight -- ./server --port 8080    # from its first instruction, with its "
      "children\n"
      "  sudo fanlight record --comm nginx --for 10s                     # every process of that name\n"
      "  sudo fanlight record --cgroup system.slice/x.service --for 10s  # every process in that cgroup\n"
      "  sudo fanlight record --pid 4242 --keep 10m --max 500MB    # always the last ten minutes\n"
      "  fanlight record --pid 4242 --no-kernel --for 10s     # without privilege: the sampler inside the target "
      "alone\n");
  command->callback([options, &run] {
    options->watch.check();
    if (const auto settings = recorder_options(*options); !settings) {
      throw CLI::ValidationError("--redact: " + settings.error().what);
    }
    run = [options] { return record(*options); };
  });
}

}  // namespace fanlight::cli
