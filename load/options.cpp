#include "load/options.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <thread>

#include <CLI/CLI.hpp>

#include "core/units.hpp"
#include "load/approach.hpp"
#include "load/payload.hpp"
#include "load/scenario.hpp"
#include "load/shared.hpp"

namespace fanlight::load {
namespace {

constexpr const char* kHint = "fanlight-load --help shows all options with examples";
constexpr std::size_t kMaxSize = 1u << 20;
constexpr unsigned kMaxSubscribers = 1'000'000;
constexpr std::uint64_t kMaxScenario = 1u << 20;

constexpr const char* kExamples = R"(Examples:
  fanlight-load --sse 500 --ws 500 --rate 100 --for 10s
      one message of 128 bytes every 10 ms to 1000 subscribers
  fanlight-load --ws 2000 --rate 10..500 --for 1m --json run.json --html run.html --fail-if 'p99>50ms,lost>0'
      a ramp, the report as JSON and as a page with plots, exit status 1 when a limit is broken
  fanlight-load --sse 1000 --with sse:50:slow-reader=2K --with ws:50:resetter=500ms --rate 100/1s
      bursts of 100 messages, while 100 more subscribers misbehave
  fanlight-load --adapter nchan --url http://127.0.0.1:8080 --sse 100 --ws 100
  fanlight-load --adapter redis --url redis://127.0.0.1:6379 --redis 100
  fanlight-load --sse-url https://push.example/live/{topic} --publish none --sse 5 --token SECRET
      streams that somebody else fills: events per second, survival, time to the first event
  curl -d '{"schedule": "500", "subscribers": {"sse": 2000}}' http://127.0.0.1:9190/policy
      another rate and more subscribers, in a run that was started with --listen 127.0.0.1:9190

Publishing is an open loop: message k is due when the schedule says whatever the server does, and latency is counted from
then; a message that never comes is later than any that did. Sharing one clock the tester measures only servers that it
publishes to itself; beyond loopback, load only what is yours. docs/load.md says the rest.
Exit status: 0 the run was made and no limit broken, 1 it could not be, a limit was broken or the server went away,
2 misused.)";

std::string profile_help() {
  std::string text = "Profiles, for --with PROTOCOL:COUNT:PROFILE and scenario files:\n";
  for (const ProfileHelp& profile : profiles()) {
    std::string name = "  " + std::string(profile.name);
    if (!profile.value.empty()) name += "=" + std::string(profile.value);
    name.resize(std::max<std::size_t>(name.size() + 2, 28), ' ');
    text += name + std::string(profile.says);
    if (!profile.usual.empty()) text += " (" + std::string(profile.usual) + ")";
    text += "\n";
  }
  return text;
}

Result<std::chrono::nanoseconds> duration_of(const char* option, const std::string& text, bool zero_allowed) {
  auto duration = parse_duration(text);
  if (!duration) return within(option, std::move(duration.error()));
  if (!zero_allowed && duration->count() == 0) return fail(0, std::string(option) + ": must be above zero", kHint);
  return duration;
}

bool is_header(const std::string& name, const std::string& value) {
  const auto token = [](unsigned char c) {
    return c > ' ' && c < 127 &&
           std::string_view("()<>@,;:\\\"/[]?={}").find(static_cast<char>(c)) == std::string_view::npos;
  };
  const auto text = [](unsigned char c) { return c == '\t' || (c >= ' ' && c != 127); };
  return !name.empty() && std::all_of(name.begin(), name.end(), token) && std::all_of(value.begin(), value.end(), text);
}

Result<> check_plan(const Plan& plan) {
  const auto misused = [](const std::string& words) { return fail(0, words, kHint); };
  if (plan.adapter != "fanlight" && plan.adapter != "nchan" && plan.adapter != "redis" && plan.adapter != "nats")
    return misused("--adapter: fanlight, nchan, redis or nats");
  if (auto url = parse_url(plan.url); !url) return within("--url", std::move(url.error()));
  if (plan.subscribers() == 0) return misused("nobody to receive: give --sse N, --ws N or both");
  if (plan.groups.size() > kMaxGroups) return misused("at most 32 groups of subscribers");
  for (std::size_t i = 0; i < plan.groups.size(); ++i) {
    if (plan.groups[i].count > kMaxSubscribers) return misused("at most 1000000 subscribers in a group");
    for (std::size_t k = 0; k < i; ++k)
      if (plan.groups[k].protocol == plan.groups[i].protocol &&
          plan.groups[k].profile.name == plan.groups[i].profile.name)
        return misused("two groups of " + std::string(name_of(plan.groups[i].protocol)) + " subscribers are alike");
    if (auto url = subscribe_url(plan, plan.groups[i].protocol); !url) return std::unexpected(std::move(url.error()));
  }
  if (plan.phases.size() > kMaxPhases / 2) return misused("at most 32 phases");
  for (const Phase& phase : plan.phases)
    if (auto checked = check(phase); !checked) return checked;
  if (auto url = publish_url(plan); !url) return std::unexpected(std::move(url.error()));
  if (plan.size < kMinPayload || plan.size > kMaxSize)
    return misused("--size: at least " + std::to_string(kMinPayload) +
                   " bytes, which sequence number and time take, and at most 1M");
  if (plan.publishers > 256) return misused("--publishers: 1 to 256");
  if (plan.threads == 0 || plan.threads > 64) return misused("--threads: 1 to 64");
  if (plan.workers > 64) return misused("--workers: 0 to 64");
  if (!(plan.connect_rate >= 0 && plan.connect_rate <= 1e6)) return misused("--connect-rate: 0 to 1000000 per second");
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  if (plan.topic.empty() || plan.topic.size() > 128 || !std::all_of(plan.topic.begin(), plan.topic.end(), plain))
    return misused("--topic: 1 to 128 letters, digits, '-', '_' and '.'");
  for (const auto& [name, value] : plan.headers)
    if (!is_header(name, value)) return misused("--header: 'Name: value', in one line");
  for (const auto& [option, text] : {std::pair{"--token", &plan.token}, std::pair{"--subprotocol", &plan.subprotocol}})
    if (!std::all_of(text->begin(), text->end(), [](unsigned char c) { return c > ' ' && c < 127; }))
      return misused(std::string(option) + ": without spaces and odd characters");
  return {};
}

Result<std::string> read_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) return fail(errno, "read " + path, "check the path");
  if (text.view().size() > kMaxScenario) return fail(0, "read " + path + ": longer than 1 MiB");
  return std::move(text).str();
}

/// What the options say that are not values as they stand.
struct Texts {
  std::string size = "128", duration = "10s", warmup = "1s", drain = "2s", connect_timeout = "10s", rate = "100",
              limits, scenario, sources;
  std::vector<std::string> with, headers;
  unsigned sse = 0, ws = 0, redis = 0, nats = 0;
};

void add_options(CLI::App& app, Options& options, Texts& texts) {
  Plan& plan = options.plan;
  const auto text = [&](const char* name, std::string& value, const char* says, const char* type) {
    auto* option = app.add_option(name, value, says)->type_name(type);
    if (!value.empty()) option->capture_default_str();
    return option;
  };
  const auto number = [&](const char* name, auto& value, const char* says) {
    return app.add_option(name, value, says)->type_name("N")->capture_default_str();
  };
  app.add_option("--sse", texts.sse, "SSE subscribers")->type_name("N");
  app.add_option("--ws", texts.ws, "WebSocket subscribers")->type_name("N");
  app.add_option("--redis", texts.redis, "Redis subscribers")->type_name("N");
  app.add_option("--nats", texts.nats, "NATS subscribers")->type_name("N");
  app.add_option("--with", texts.with, "more subscribers that behave as the profile says, see below; repeatable")
      ->type_name("PROTOCOL:N:PROFILE")
      ->allow_extra_args(false);
  text("--rate", texts.rate, "messages per second, all publishers together: 100, a ramp 100..1000, bursts 50/1s", "R");
  text("--size", texts.size, "bytes of each message, 48 at least", "B");
  text("--for", texts.duration, "how long to measure", "T");
  text("--warmup", texts.warmup, "publishing before that, not counted", "T");
  text("--drain", texts.drain, "how long to wait for stragglers", "T");
  text("--scenario", texts.scenario, "phases, subscribers and limits from a JSON file; options given beside it win",
       "FILE");
  app.add_flag(
      "--closed-loop", plan.closed_loop,
      "each publisher waits for its answer and the clock starts at the send, as most testers do; for comparison");
  app.add_flag("--reconnect", plan.reconnect, "cut streams come back, SSE with Last-Event-ID");
  text("--fail-if", texts.limits, "limits that fail the run, like 'p99>50ms,survival<99.2%,ws.lost>0'", "LIMITS");
  text("--url", plan.url, "the server", "URL");
  text("--adapter", plan.adapter, "whose paths: fanlight, nchan, redis, nats", "NAME");
  text("--sse-url", plan.urls.sse, "subscribe here instead; {topic} is replaced", "URL");
  text("--ws-url", plan.urls.ws, "the same for WebSocket: ws:// or wss://", "URL");
  text("--redis-url", plan.urls.redis, "the same for Redis", "URL");
  text("--nats-url", plan.urls.nats, "the same for NATS", "URL");
  text("--publish", plan.urls.publish, "publish here instead: http, ws, redis or nats; 'none': somebody else does",
       "URL");
  text("--topic", plan.topic, "what to publish to", "NAME");
  app.add_option("--header", texts.headers, "sent with every HTTP request; repeatable")
      ->type_name("'NAME: VALUE'")
      ->allow_extra_args(false);
  text("--token", plan.token, "HTTP: Authorization: Bearer; Redis: AUTH; NATS: auth_token", "TOKEN");
  text("--subprotocol", plan.subprotocol, "that WebSocket servers have to agree to", "NAME");
  text("--ca", plan.security.ca_file, "trust these certificates (PEM) instead of the system's", "FILE");
  app.add_flag("--insecure", plan.security.insecure, "do not look at certificates");
  number("--publishers", plan.publishers, "publishing connections");
  number("--threads", plan.threads, "threads that receive, per process; one more publishes");
  number("--workers", plan.workers, "processes that hold the subscribers; 0: this one does");
  app.add_option("--connect-rate", plan.connect_rate, "new subscribers per second; 0: as fast as it goes")
      ->type_name("R")
      ->capture_default_str();
  text("--connect-timeout", texts.connect_timeout, "how long a subscriber tries", "T");
  text("--sources", texts.sources, "addresses to connect from, like 127.0.0.2-127.0.0.21, or 20 for the same", "LIST");
  app.add_flag("--fit", plan.fit, "with too few descriptors, have fewer subscribers instead of stopping");
  number("--server-pid", plan.server_pid, "report this process's CPU time, memory and sockets");
  text("--listen", plan.listen, "serve /metrics and /policy here while it runs, like 127.0.0.1:9190", "ADDRESS");
  text("--json", options.json, "the report as JSON into FILE; - for standard output, instead of the table", "FILE");
  text("--html", options.html, "the report as a page with plots", "FILE");
  text("--hdr", options.hdr, "latencies in HdrHistogram's text form", "FILE");
  app.add_flag("--quiet", options.quiet, "no progress on standard error");
}

Result<> add_groups(const Texts& texts, Plan& plan) {
  const bool given = texts.sse + texts.ws + texts.redis + texts.nats > 0 || !texts.with.empty();
  if (given) plan.groups.clear();
  for (const auto& [protocol, count] : {std::pair{Protocol::sse, texts.sse}, std::pair{Protocol::websocket, texts.ws},
                                        std::pair{Protocol::redis, texts.redis}, std::pair{Protocol::nats, texts.nats}})
    if (count > 0) plan.groups.push_back({protocol, count, {}});
  for (const std::string& text : texts.with) {
    auto group = parse_group(text);
    if (!group) return within("--with", std::move(group.error()));
    plan.groups.push_back(std::move(*group));
  }
  return {};
}

/// What was given wins over the scenario file; what neither gives is the default.
Result<> apply(const CLI::App& app, const Texts& texts, Options& options) {
  Plan& plan = options.plan;
  const auto given = [&](const char* option) { return app.get_option(option)->count() > 0; };
  const bool file = given("--scenario");
  if (file) {
    Plan with_file;
    auto text = read_file(texts.scenario);
    if (!text) return within("--scenario", std::move(text.error()));
    if (auto read = read_scenario(*text, with_file, options.limits); !read)
      return within(texts.scenario, std::move(read.error()));
    if (!given("--url")) plan.url = with_file.url;
    if (!given("--topic")) plan.topic = with_file.topic;
    plan.size = with_file.size;
    plan.warmup = with_file.warmup;
    plan.phases = std::move(with_file.phases);
    plan.groups = std::move(with_file.groups);
    plan.reconnect = plan.reconnect || with_file.reconnect;
  }
  if (!file || given("--size")) {
    auto bytes = parse_bytes(texts.size);
    if (!bytes) return within("--size", std::move(bytes.error()));
    plan.size = static_cast<std::size_t>(*bytes);
  }
  std::chrono::nanoseconds duration{};
  for (const auto& [option, text, value, zero] :
       {std::tuple{"--for", &texts.duration, &duration, false}, std::tuple{"--drain", &texts.drain, &plan.drain, true},
        std::tuple{"--connect-timeout", &texts.connect_timeout, &plan.connect_timeout, false}}) {
    auto parsed = duration_of(option, *text, zero);
    if (!parsed) return std::unexpected(std::move(parsed.error()));
    *value = *parsed;
  }
  if (!file || given("--warmup")) {
    auto parsed = duration_of("--warmup", texts.warmup, true);
    if (!parsed) return std::unexpected(std::move(parsed.error()));
    plan.warmup = *parsed;
  }
  if (!file || given("--rate") || given("--for")) {
    auto phase = parse_shape(texts.rate);
    if (!phase) return within("--rate", std::move(phase.error()));
    phase->duration = duration;
    plan.phases = {std::move(*phase)};
  }
  if (given("--publishers") && plan.publishers == 0) return fail(0, "--publishers: 1 to 256", kHint);
  if (plan.urls.publish == "none") {
    plan.urls.publish.clear();
    plan.publishers = 0;
  }
  for (const std::string& header : texts.headers) {
    const std::size_t colon = header.find(':');
    if (colon == std::string::npos) return fail(0, "--header: 'Name: value'", kHint);
    plan.headers.emplace_back(header.substr(0, colon),
                              header.substr(std::min(header.find_first_not_of(' ', colon + 1), header.size())));
  }
  if (!texts.sources.empty()) {
    auto sources = parse_sources(texts.sources);
    if (!sources) return within("--sources", std::move(sources.error()));
    plan.sources = std::move(*sources);
  }
  auto limits = parse_limits(texts.limits);
  if (!limits) return within("--fail-if", std::move(limits.error()));
  options.limits.insert(options.limits.end(), limits->begin(), limits->end());
  if (auto added = add_groups(texts, plan); !added) return added;
  return check_plan(plan);
}

}  // namespace

Result<std::variant<Options, Information>> parse_options(int argc, const char* const* argv) {
  Options options;
  options.plan.threads = std::clamp(std::thread::hardware_concurrency() / 2, 1u, 16u);
  Texts texts;
  CLI::App app(
      "Connects subscribers to a broadcaster, publishes on a fixed schedule, and reports what arrived, how late, and "
      "what\n"
      "did not.",
      "fanlight-load");
  add_options(app, options, texts);
  app.set_version_flag("--version", "fanlight-load " FANLIGHT_VERSION);
  app.footer(profile_help() + "\nFigures for --fail-if: " + std::string(limit_figures()) + "\n\n" + kExamples);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    std::ostringstream out, ignored;
    app.exit(asked, out, ignored);
    return Information{out.str()};
  } catch (const CLI::ParseError& error) {
    return fail(0, error.what(), kHint);
  }
  if (auto applied = apply(app, texts, options); !applied) return std::unexpected(std::move(applied.error()));
  return options;
}

}  // namespace fanlight::load
