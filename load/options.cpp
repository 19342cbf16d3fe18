#include "load/options.hpp"

#include <algorithm>
#include <sstream>
#include <thread>

#include <CLI/CLI.hpp>

#include "core/units.hpp"
#include "load/endpoint.hpp"
#include "load/payload.hpp"

namespace fanlight::load {
namespace {

constexpr const char* kHint = "fanlight-load --help shows all options with examples";
constexpr std::size_t kMaxSize = 1u << 20;
constexpr unsigned kMaxSubscribers = 1'000'000;

constexpr const char* kExamples = R"(Examples:
  fanlight-load --sse 500 --ws 500 --rate 100 --for 10s
      one message of 128 bytes every 10 ms to 1000 subscribers
  fanlight-load --ws 2000 --rate 50 --size 1K --publishers 8 --json run.json
      larger messages over 8 publishing connections, the report as JSON too
  fanlight-load --sse 10 --rate 1000 --for 1m --json - --quiet | jq .total.latency_ns
      nothing but JSON on standard output

Publishing is an open loop: message k is due at start + k / rate whatever the server does, and latency is counted from
then. Messages are posted to /topics/TOPIC; subscribers hold /sse/TOPIC and /ws/TOPIC. Any host is taken, but sharing
one clock the tester measures only servers that it publishes to itself; beyond loopback, load only what is yours.
Exit status: 0 the run was made (whatever it found), 1 it could not be or the server went away, 2 misused.)";

Result<std::chrono::nanoseconds> duration_of(const char* option, const std::string& text, bool zero_allowed) {
  auto duration = parse_duration(text);
  if (!duration) return within(option, std::move(duration.error()));
  if (!zero_allowed && duration->count() == 0) return fail(0, std::string(option) + ": must be above zero", kHint);
  return duration;
}

Result<> check(const Plan& plan) {
  const auto misused = [](const std::string& words) { return fail(0, words, kHint); };
  if (auto url = parse_url(plan.url); !url) return within("--url", std::move(url.error()));
  if (plan.subscribers() == 0) return misused("nobody to receive: give --sse N, --ws N or both");
  if (plan.sse > kMaxSubscribers || plan.ws > kMaxSubscribers) return misused("--sse and --ws: at most 1000000 each");
  if (!(plan.rate > 0 && plan.rate <= 1e6)) return misused("--rate: above 0 and at most 1000000 messages per second");
  if (plan.size < kMinPayload || plan.size > kMaxSize)
    return misused("--size: at least " + std::to_string(kMinPayload) +
                   " bytes, which sequence number and time take, and at most 1M");
  if (plan.publishers == 0 || plan.publishers > 256) return misused("--publishers: 1 to 256");
  if (plan.threads == 0 || plan.threads > 64) return misused("--threads: 1 to 64");
  if (!(plan.connect_rate >= 1 && plan.connect_rate <= 1e6)) return misused("--connect-rate: 1 to 1000000 per second");
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  if (plan.topic.empty() || plan.topic.size() > 128 || !std::all_of(plan.topic.begin(), plan.topic.end(), plain))
    return misused("--topic: 1 to 128 letters, digits, '-', '_' and '.'");
  return {};
}

}  // namespace

Result<std::variant<Options, Information>> parse_options(int argc, const char* const* argv) {
  Options options;
  Plan& plan = options.plan;
  plan.threads = std::clamp(std::thread::hardware_concurrency() / 2, 1u, 16u);
  std::string size = "128", duration = "10s", warmup = "1s", drain = "2s";

  CLI::App app(
      "Connects SSE and WebSocket subscribers to a broadcaster, publishes on a fixed schedule, and reports what\n"
      "arrived, how late, and what did not.",
      "fanlight-load");
  app.add_option("--sse", plan.sse, "SSE subscribers")->type_name("N");
  app.add_option("--ws", plan.ws, "WebSocket subscribers")->type_name("N");
  app.add_option("--rate", plan.rate, "messages per second, all publishers together")
      ->type_name("R")
      ->capture_default_str();
  app.add_option("--size", size, "bytes of each message, 48 at least")->type_name("B")->capture_default_str();
  app.add_option("--for", duration, "how long to measure")->type_name("T")->capture_default_str();
  app.add_option("--warmup", warmup, "publishing before that, not counted")->type_name("T")->capture_default_str();
  app.add_option("--drain", drain, "how long to wait for stragglers")->type_name("T")->capture_default_str();
  app.add_option("--url", plan.url, "the server")->type_name("URL")->capture_default_str();
  app.add_option("--topic", plan.topic, "what to publish to")->type_name("NAME")->capture_default_str();
  app.add_option("--publishers", plan.publishers, "publishing connections")->type_name("N")->capture_default_str();
  app.add_option("--threads", plan.threads, "threads that receive; one more publishes")
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--connect-rate", plan.connect_rate, "new subscribers per second")
      ->type_name("R")
      ->capture_default_str();
  app.add_option("--json", options.json, "the report as JSON into FILE; - for standard output, instead of the table")
      ->type_name("FILE");
  app.add_flag("--quiet", options.quiet, "no progress on standard error");
  app.set_version_flag("--version", "fanlight-load " FANLIGHT_VERSION);
  app.footer(kExamples);

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    std::ostringstream out, ignored;
    app.exit(asked, out, ignored);
    return Information{out.str()};
  } catch (const CLI::ParseError& error) {
    return fail(0, error.what(), kHint);
  }
  auto bytes = parse_bytes(size);
  if (!bytes) return within("--size", std::move(bytes.error()));
  plan.size = static_cast<std::size_t>(*bytes);
  for (const auto& [option, text, value, zero] :
       {std::tuple{"--for", &duration, &plan.duration, false}, std::tuple{"--warmup", &warmup, &plan.warmup, true},
        std::tuple{"--drain", &drain, &plan.drain, true}}) {
    auto parsed = duration_of(option, *text, zero);
    if (!parsed) return std::unexpected(std::move(parsed.error()));
    *value = *parsed;
  }
  if (auto checked = check(plan); !checked) return std::unexpected(std::move(checked.error()));
  return options;
}

}  // namespace fanlight::load
