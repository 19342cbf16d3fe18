// fanlight-load: the load tester. In: a command line. Out: a report on standard output, words on standard error.
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <iostream>
#include <string>

#include "core/units.hpp"
#include "load/options.hpp"
#include "load/output_file.hpp"
#include "load/run.hpp"

namespace {

using namespace fanlight;

volatile sig_atomic_t g_interrupted = 0;

void on_interrupt(int signal) {
  // The second one means it: whoever asks twice does not want a report.
  if (g_interrupted != 0) ::_exit(128 + signal);
  g_interrupted = 1;
}

int say_error(const Error& error, int status) {
  std::cerr << "fanlight-load: " << error.what
            << "\nhint: " << (error.hint.empty() ? "fanlight-load --help shows all options with examples" : error.hint)
            << '\n';
  return status;
}

/// A line that is written over on a terminal, and one of many elsewhere.
class Progress {
 public:
  explicit Progress(bool quiet) : quiet_(quiet), terminal_(::isatty(STDERR_FILENO) == 1) {}
  void show(const std::string& words) {
    if (quiet_) return;
    if (terminal_)
      std::cerr << "\r\x1b[K" << words << std::flush;
    else
      std::cerr << words << '\n';
    shown_ = true;
  }
  void end() {
    if (terminal_ && shown_) std::cerr << "\r\x1b[K" << std::flush;
  }
  unsigned every_ms() const { return terminal_ ? 1000 : 5000; }

 private:
  bool quiet_;
  bool terminal_;
  bool shown_ = false;
};

Result<> write_report(const load::Report& report, const load::Options& options) {
  if (options.json == "-")
    std::cout << load::to_json(report) << '\n' << std::flush;
  else
    std::cout << load::to_text(report) << std::flush;
  if (!std::cout) return fail(errno, "write the report");
  if (!options.json.empty() && options.json != "-")
    if (auto written = load::write_whole(options.json, load::to_json(report) + "\n"); !written) return written;
  if (!options.html.empty())
    if (auto written = load::write_whole(options.html, load::to_html(report)); !written) return written;
  if (!options.hdr.empty())
    if (auto written = load::write_whole(options.hdr, load::to_hdr(report)); !written) return written;
  return {};
}

/// The exit status, after the last words.
int judge(const load::Report& report, const load::Options& options) {
  if (options.json == "-")
    for (const std::string& warning : report.warnings()) std::cerr << "WARNING: " << warning << '\n';
  const auto broken = load::broken_limits(options.limits, report);
  if (!broken) return say_error(broken.error(), 2);
  for (const std::string& limit : *broken) std::cerr << "LIMIT BROKEN: " << limit << '\n';
  if (report.server_lost_after_ns)
    return say_error({0, "the server went away after " + format_ns(static_cast<double>(*report.server_lost_after_ns)),
                      "all streams were cut and none came back: look at the server's own log"},
                     1);
  if (report.interrupted && report.seconds() <= 0)
    return say_error(
        {0, "interrupted before anything was measured", "--warmup and --connect-rate say how long that takes"}, 1);
  if (report.nobody_left())
    return say_error({0, "no stream was left at the end: every subscriber was cut off",
                      "the report above says by what; --reconnect has subscribers come back"},
                     1);
  if (!broken->empty())
    return say_error(
        {0, std::to_string(broken->size()) + " of " + std::to_string(options.limits.size()) + " limits were broken",
         "the report above shows the figures; --json keeps them"},
        1);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto parsed = load::parse_options(argc, argv);
  if (!parsed) return say_error(parsed.error(), 2);
  if (const auto* information = std::get_if<load::Information>(&*parsed)) {
    std::cout << information->text;
    return 0;
  }
  const auto& options = std::get<load::Options>(*parsed);

  struct sigaction action{};
  action.sa_handler = on_interrupt;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  Progress progress(options.quiet);
  const load::Surroundings surroundings{[] { return g_interrupted != 0; },
                                        [&](const std::string& words) { progress.show(words); }, progress.every_ms()};
  if (options.join) {
    const auto joined = load::join(*options.join, surroundings);
    progress.end();
    if (!joined) return say_error(joined.error(), 1);
    std::cerr << "held " << joined->subscribers << " subscribers, received " << joined->received
              << " messages; the report is the coordinator's\n";
    return 0;
  }

  // A path that cannot be written is told now, not after a run of an hour.
  for (const std::string& path : {options.json, options.html, options.hdr})
    if (!path.empty() && path != "-")
      if (const auto writable = load::check_writable(path); !writable) return say_error(writable.error(), 1);

  const auto report = load::run(options.plan, surroundings);
  progress.end();
  if (!report) return say_error(report.error(), 1);
  if (const auto written = write_report(*report, options); !written) return say_error(written.error(), 1);
  return judge(*report, options);
}
