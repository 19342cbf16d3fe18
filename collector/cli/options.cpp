#include "collector/cli/options.hpp"

#include <unistd.h>

#include <charconv>
#include <string_view>
#include <utility>

#include "collector/process/find.hpp"
#include "core/units.hpp"

namespace fanlight::cli {
namespace {

[[noreturn]] void refuse(const std::string& name, const Error& error) {
  throw CLI::ValidationError(name, error.hint.empty() ? error.what : error.what + "; " + error.hint);
}

/// "1%", "0.5 %": 0.01, 0.005. Errors: no percentage, or above 100 %.
Result<double> parse_share(std::string_view text) {
  const Error wrong{.what = "'" + std::string(text) + "' is not a percentage", .hint = "such as 1% or 0.5%"};
  if (!text.ends_with('%')) return std::unexpected(wrong);
  text.remove_suffix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  double percent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), percent);
  if (error != std::errc{} || end != text.data() + text.size() || !(percent >= 0 && percent <= 100))
    return std::unexpected(wrong);
  return percent / 100;
}

}  // namespace

CLI::Validator file_name() {
  return CLI::Validator(
      [](std::string& text) { return text.empty() ? std::string("the name of a file is empty") : std::string(); }, "");
}

void add_duration(CLI::App& command, const std::string& name, std::optional<std::chrono::nanoseconds>& into,
                  const std::string& help) {
  command
      .add_option_function<std::string>(
          name,
          [&into, name](const std::string& text) {
            const auto parsed = parse_duration(text);
            if (!parsed) refuse(name, parsed.error());
            if (parsed->count() == 0) throw CLI::ValidationError(name, "must be longer than nothing");
            into = *parsed;
          },
          help)
      ->type_name("TIME");
}

void add_bytes(CLI::App& command, const std::string& name, std::uint32_t& into, const std::string& help) {
  command
      .add_option_function<std::string>(
          name,
          [&into, name](const std::string& text) {
            const auto parsed = parse_bytes(text);
            if (!parsed) refuse(name, parsed.error());
            constexpr std::uint64_t kLeast = 4096, kMost = std::uint64_t{1} << 30;
            if (*parsed < kLeast || *parsed > kMost || (*parsed & (*parsed - 1)) != 0) {
              throw CLI::ValidationError(name, "a power of two from 4K to 1G");
            }
            into = static_cast<std::uint32_t>(*parsed);
          },
          help)
      ->type_name("SIZE");
}

void add_view(CLI::App& command, std::optional<profile::View>& into) {
  std::string names;
  for (const profile::View view : profile::kViews) names += (names.empty() ? "" : " ") + std::string(name_of(view));
  command
      .add_option_function<std::string>(
          "--view",
          [&into, names](const std::string& text) {
            const auto view = profile::view_from(text);
            if (!view) throw CLI::ValidationError("--view", "'" + text + "' is none of: " + names);
            into = *view;
          },
          "which time or events to show: " + names)
      ->type_name("VIEW");
}

void WatchOptions::add_to(CLI::App& command) {
  command.add_option("--pid", pids, "the process to watch; several with commas between them")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(1, 1 << 22))
      ->type_name("PID");
  command.add_flag("--children", session.children,
                   "also the processes that it starts; with --comm, --cgroup and a command that is so anyway");
  command.add_option("--comm", comm, "every process of this name (as ps -o comm shows it), also one that comes later")
      ->type_name("NAME");
  command.add_option("--cgroup", cgroup, "every process in this cgroup and below it, also one that comes later")
      ->type_name("DIR");
  command.add_option("COMMAND", program, "after --: a program to start, watched from its first instruction");
  command.add_option("--hz", session.sample_hz, "on-CPU samples per CPU and second (default 99)")
      ->check(CLI::Range(1, 10'000))
      ->type_name("N");
  add_bytes(command, "--ring", session.ring_bytes, "kernel ring buffer (default 1M, a power of two)");
  command
      .add_option_function<std::string>(
          "--budget",
          [this](const std::string& text) {
            const auto share = parse_share(text);
            if (!share) throw CLI::ValidationError("--budget", share.error().what + "; " + share.error().hint);
            if (*share <= 0) throw CLI::ValidationError("--budget", "more than nothing, such as 1%");
            session.budget = *share;
          },
          "what watching may take of one CPU, such as 1%; samples become rarer, then probes pause, before it takes "
          "more")
      ->type_name("SHARE");
  command.add_flag("--program-stats", session.program_stats,
                   "let the kernel time every run of every program (50 ns each; needs CAP_SYS_ADMIN)");
  command.add_flag("--events", session.events, "have the target record its spans and events, some 40 ns each");
  command.add_flag("--trace", session.trace,
                   "keep every switch and wake-up one by one, for export --format perfetto; a recording grows by some "
                   "30 bytes for each");
  command.add_flag("--no-kernel", no_kernel, "only the sampler inside the target; needs no privilege");
  command.add_flag("--no-inprocess", no_inprocess, "only the kernel probes");
  command.add_flag("--no-debuginfod", no_debuginfod,
                   "ask no server for debug information, whatever $DEBUGINFOD_URLS says");
}

void WatchOptions::check() const {
  const int ways = !pids.empty() + !comm.empty() + !cgroup.empty() + !program.empty();
  if (ways != 1) {
    throw CLI::ValidationError(ways == 0 ? "nothing to watch: give --pid, --comm, --cgroup, or a command after --"
                                         : "one of --pid, --comm, --cgroup and a command, not several");
  }
  constexpr std::size_t kMostComm = 15;  // TASK_COMM_LEN less its end
  if (comm.size() > kMostComm)
    throw CLI::ValidationError("--comm: the kernel keeps 15 letters of a name: '" + comm.substr(0, kMostComm) + "'");
  if (no_kernel && no_inprocess) {
    throw CLI::ValidationError("--no-kernel and --no-inprocess together leave nothing to watch with");
  }
  if (no_kernel && pids.size() != 1) throw CLI::ValidationError("--no-kernel: give the --pid of one process");
}

Result<Watched> WatchOptions::find() const {
  Watched watched{.options = session, .launched = std::nullopt};
  session::Options& options = watched.options;
  options.kernel = !no_kernel;
  options.inprocess = !no_inprocess;
  options.debuginfod = !no_debuginfod;
  std::vector<pid_t> found = pids;
  if (!program.empty()) {
    auto launched = process::Launched::hold(program);
    if (!launched) return within("start the command", launched.error());
    found = {launched->pid()};
    options.held = true;
    options.executable = launched->executable();
    watched.launched = std::move(*launched);
  } else if (!comm.empty()) {
    found = process::processes_named(comm);
    options.comm = comm;
  } else if (!cgroup.empty()) {
    const auto directory = process::cgroup_directory(cgroup);
    if (!directory) return std::unexpected(directory.error());
    auto inside = process::processes_in(*directory);
    if (!inside) return std::unexpected(inside.error());
    found = std::move(*inside);
    std::erase(found, ::getpid());
    options.cgroup = directory->string();
  }
  options.children = options.children || pids.empty();
  if (!found.empty()) {
    options.pid = found.front();
    options.others.assign(found.begin() + 1, found.end());
  }
  return watched;
}

}  // namespace fanlight::cli
