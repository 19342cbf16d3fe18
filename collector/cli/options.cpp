#include "collector/cli/options.hpp"

#include "core/units.hpp"

namespace fanlight::cli {
namespace {

[[noreturn]] void refuse(const std::string& name, const Error& error) {
  throw CLI::ValidationError(name, error.hint.empty() ? error.what : error.what + "; " + error.hint);
}

}  // namespace

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
  command.add_option("--pid", session.pid, "the process to watch")
      ->required()
      ->check(CLI::Range(1, 1 << 22))
      ->type_name("PID");
  command.add_option("--hz", session.sample_hz, "on-CPU samples per CPU and second (default 99)")
      ->check(CLI::Range(1, 10'000))
      ->type_name("N");
  add_bytes(command, "--ring", session.ring_bytes, "kernel ring buffer (default 1M, a power of two)");
  command.add_flag("--events", session.events, "have the target record its spans and events, some 40 ns each");
  command.add_flag("--no-kernel", no_kernel, "only the sampler inside the target; needs no privilege");
  command.add_flag("--no-inprocess", no_inprocess, "only the kernel probes");
}

void WatchOptions::check() const {
  if (no_kernel && no_inprocess) {
    throw CLI::ValidationError("--no-kernel and --no-inprocess together leave nothing to watch with");
  }
}

session::Options WatchOptions::resolved() const {
  session::Options options = session;
  options.kernel = !no_kernel;
  options.inprocess = !no_inprocess;
  return options;
}

}  // namespace fanlight::cli
