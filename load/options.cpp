#include "load/options.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <thread>

#include <CLI/CLI.hpp>

#include "core/units.hpp"
#include "load/endpoint.hpp"
#include "load/listen_address.hpp"
#include "load/plan_check.hpp"
#include "load/scenario.hpp"

namespace fanlight::load {
namespace {

constexpr const char* kHint = "fanlight-load --help shows all options with examples";
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
  fanlight-load --coordinator 10.0.0.1:9200 --hosts 2 --secret WORD --url http://10.0.0.9:8080 --sse 60000 --for 1m
  fanlight-load --join 10.0.0.1:9200 --secret WORD
      the first publishes and reports; the second, on two other hosts, holds 30000 of the subscribers on each
  curl -d '{"schedule": "500", "subscribers": {"sse": 2000}}' http://127.0.0.1:9190/policy
      another rate and more subscribers, in a run that was started with --listen 127.0.0.1:9190

Publishing is an open loop: message k is due when the schedule says whatever the server does, and latency is counted from
then; a message that never comes is later than any that did. Latencies are of messages that the tester publishes itself,
since that takes one clock; those of hosts that joined are corrected by their clocks' offset. Beyond loopback, load only
what is yours. docs/load.md says the rest.
Exit status: 0 the run was made and no limit broken, 1 it could not be, a limit was broken, the server went away or no
stream was left at the end, 2 misused.)";

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

Result<std::string> read_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  const bool empty = file && file.peek() == std::ifstream::traits_type::eof() && !file.bad() && errno == 0;
  if (empty) return std::string();
  if (!file || !(text << file.rdbuf())) return fail(errno, "read " + path, "check the path");
  if (text.view().size() > kMaxScenario) return fail(0, "read " + path + ": longer than 1 MiB");
  return std::move(text).str();
}

/// What the options say that are not values as they stand.
struct Texts {
  std::string size = "128", duration = "10s", warmup = "1s", drain = "2s", connect_timeout = "10s", rate = "100",
              limits, scenario, sources, join;
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
  text("--coordinator", plan.coordinator,
       "publish and report; the subscribers are held by hosts that join here, like 10.0.0.1:9200", "ADDRESS");
  number("--hosts", plan.hosts, "hosts to wait for before it begins");
  text("--join", texts.join, "hold a share of a coordinator's subscribers; it decides everything else", "ADDRESS");
  text("--secret", plan.secret, "that a host has to know to join; also in FANLIGHT_LOAD_SECRET", "WORD")
      ->envname("FANLIGHT_LOAD_SECRET");
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

/// A host has only to say how it receives.
Result<JoinPlan> join_plan(const CLI::App& app, const Texts& texts, const Plan& plan) {
  constexpr std::array<std::string_view, 9> kOwn{"--join", "--secret",   "--threads", "--workers",        "--sources",
                                                 "--ca",   "--insecure", "--quiet",   "--connect-timeout"};
  for (const CLI::Option* option : app.get_options())
    if (option->count() > 0 && std::find(kOwn.begin(), kOwn.end(), option->get_name()) == kOwn.end())
      return fail(0, option->get_name() + ": with --join that is the coordinator's to say",
                  "a host gives --threads, --workers, --sources, --ca, --insecure, --secret and --connect-timeout");
  const std::size_t colon = texts.join.rfind(':');
  if (colon == std::string::npos || colon + 1 == texts.join.size() || !parse_url("http://" + texts.join) ||
      texts.join.find('/') != std::string::npos)
    return fail(0, "--join " + texts.join + ": not an address and port", "write it like 10.0.0.1:9200");
  JoinPlan join{texts.join, plan.secret, plan.threads, plan.workers, {}, plan.security};
  if (join.threads == 0 || join.threads > 64 || join.workers > 64)
    return fail(0, "--threads: 1 to 64; --workers: 0 to 64", kHint);
  if (!texts.sources.empty()) {
    auto sources = parse_sources(texts.sources);
    if (!sources) return within("--sources", std::move(sources.error()));
    join.sources = std::move(*sources);
  }
  if (app.get_option("--connect-timeout")->count() > 0) {
    auto patience = duration_of("--connect-timeout", texts.connect_timeout, true);
    if (!patience) return std::unexpected(std::move(patience.error()));
    join.patience = *patience;
  }
  return join;
}

/// What is said of hosts must make sense together.
Result<> check_hosts(const CLI::App& app, const Plan& plan) {
  const auto given = [&](const char* option) { return app.get_option(option)->count() > 0; };
  if (plan.coordinator.empty())
    return given("--hosts") ? fail(0, "--hosts: only with --coordinator ADDRESS", kHint) : Result<>();
  for (const char* option : {"--threads", "--workers", "--sources", "--fit"})
    if (given(option))
      return fail(0, std::string(option) + ": with --coordinator every host says that for itself, beside its --join",
                  kHint);
  auto listen = parse_listen("--coordinator", plan.coordinator);
  if (!listen) return std::unexpected(std::move(listen.error()));
  if (plan.hosts == 0 || plan.hosts > 256) return fail(0, "--hosts: 1 to 256", kHint);
  if (plan.hosts > plan.subscribers())
    return fail(0, "--hosts: more than subscribers, so that some would have nothing to do", kHint);
  if (!listen->loopback && plan.secret.empty())
    return fail(
        0, "--coordinator " + plan.coordinator + ": others can reach this address, and whoever joins is told the plan",
        "give --secret WORD here and beside --join");
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
  if (file && given("--for") && !given("--rate"))
    return fail(0, "--for: the phases of a scenario have their own times",
                "give --rate as well: one phase replaces them");
  if (!file || given("--rate")) {
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
  if (!plan.listen.empty())
    if (auto listen = parse_listen("--listen", plan.listen); !listen) return std::unexpected(std::move(listen.error()));
  auto limits = parse_limits(texts.limits);
  if (!limits) return within("--fail-if", std::move(limits.error()));
  options.limits.insert(options.limits.end(), limits->begin(), limits->end());
  if (auto added = add_groups(texts, plan); !added) return added;
  if (auto checked = check(plan); !checked) return checked;
  if (auto checked = check(options.limits, plan); !checked) return within("--fail-if", std::move(checked.error()));
  return check_hosts(app, plan);
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
  if (!texts.join.empty()) {
    auto join = join_plan(app, texts, options.plan);
    if (!join) return std::unexpected(std::move(join.error()));
    options.join = std::move(*join);
    return options;
  }
  if (auto applied = apply(app, texts, options); !applied) return std::unexpected(std::move(applied.error()));
  return options;
}

}  // namespace fanlight::load
