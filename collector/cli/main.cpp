// `fanlight`: doctor, attach, top, record, report, export, diff. In: a command line. Out: data on stdout, words on
// stderr, 0, 1 or 2.
#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>

#include "collector/cli/command.hpp"

namespace {

constexpr const char* kExamples =
    "\nExamples:\n"
    "  fanlight doctor                                          what this machine lets us see\n"
    "  sudo fanlight attach --pid $(pidof fanlight-server)      live: metrics, pprof and the dashboard feed on "
    "127.0.0.1:9180\n"
    "  sudo fanlight record --pid 4242 --for 10s -o run.fanlight\n"
    "  fanlight report run.fanlight\n"
    "  fanlight export run.fanlight --view wall --format html -o wall.html\n"
    "  fanlight diff before.fanlight after.fanlight --view oncpu --fail-above 5%\n"
    "  fanlight top                                             the live view in a terminal\n";

int complain(const std::string& what, const std::string& hint, int exit_code) {
  std::fprintf(stderr, "fanlight: %s\nhint: %s\n", what.c_str(), hint.c_str());
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace fanlight;
  // A limit on the size of files is then an error of write(), told like a full disk, instead of the end.
  std::signal(SIGXFSZ, SIG_IGN);
  CLI::App app{"fanlight: where did every nanosecond of every thread go, and who made this message late?", "fanlight"};
  app.set_version_flag("--version", "fanlight 0.1.0");
  app.require_subcommand(1);
  app.footer(kExamples);
  cli::Run run;
  cli::add_doctor(app, run);
  cli::add_attach(app, run);
  cli::add_record(app, run);
  cli::add_report(app, run);
  cli::add_export(app, run);
  cli::add_diff(app, run);
  cli::add_top(app, run);

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return 0;
  } catch (const CLI::CallForVersion& version) {
    std::cout << version.what() << "\n";
    return 0;
  } catch (const CLI::ParseError& error) {
    const auto chosen = app.get_subcommands();
    const std::string command = chosen.empty() ? "fanlight" : "fanlight " + chosen.front()->get_name();
    // The library asks for a subcommand before it looks at what was given instead of one.
    const bool unknown = chosen.empty() && argc > 1;
    return complain(unknown ? std::string("unknown command or option '") + argv[1] + "'" : error.what(),
                    command + " --help shows what it takes", 2);
  }

  try {
    const auto outcome = run();
    if (outcome) return outcome->exit_code;
    const Error& error = outcome.error();
    const std::string command = app.get_subcommands().front()->get_name();
    const bool reads = command == "report" || command == "export" || command == "diff";
    const char* const general = reads ? "give a file that fanlight record wrote and that you may read"
                                      : "fanlight doctor shows what this machine allows";
    return complain(error.what, error.hint.empty() ? general : error.hint, 1);
  } catch (const std::exception& bug) {
    return complain(std::string("internal error: ") + bug.what(),
                    "this is a bug; please report it with the command line", 1);
  }
}
