#include "server/cli/command_line.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>

#include "core/units.hpp"

namespace fanlight::server::cli {
namespace {

constexpr const char* kExamples =
    "Endpoints:\n"
    "  GET /sse/{topic}       an event stream; ?last-event-id=N replays, ?group=G shares with the group's members\n"
    "  GET /ws/{topic}        the same over WebSocket\n"
    "  GET /ws                several topics by command, subprotocol fanlight.json, .msgpack or .protobuf\n"
    "  POST /topics/{topic}   publishes the body; ?event=NAME names it, ?key=K is what conflation goes by\n"
    "  GET /topics/{topic}    how many subscribe; /topics/{topic}/snapshot: what state it is in\n"
    "  GET /  /metrics  /healthz  /admin\n"
    "\nSIGTERM drains and stops. SIGHUP reads --config again: limits, tokens, origins, heartbeat, slots.\n"
    "\nExamples:\n"
    "  fanlight-server                                          serve on 127.0.0.1:8080, one worker per CPU\n"
    "  fanlight-server --listen 127.0.0.1:0 --workers 1         any free port, printed on stderr\n"
    "  curl -N http://127.0.0.1:8080/sse/news                   subscribe\n"
    "  curl --data hello http://127.0.0.1:8080/topics/news      publish\n"
    "  sudo fanlight attach --pid $(pidof fanlight-server)      see where its time goes\n";

// For the listener, event loops, standard streams and the sampler's memory.
constexpr std::size_t kOwnDescriptors = 64;

struct HostPort {
  std::string address;
  std::uint16_t port;
};

std::optional<HostPort> parse_listen(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  std::string_view address = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  } else if (address.find(':') != std::string_view::npos) {
    return std::nullopt;  // an IPv6 address without brackets: which colon is the port's?
  }
  HostPort parsed{.address = std::string(address), .port = 0};
  std::array<std::byte, sizeof(in6_addr)> numbers;
  const int family = address.find(':') != std::string_view::npos ? AF_INET6 : AF_INET;
  if (::inet_pton(family, parsed.address.c_str(), numbers.data()) != 1) return std::nullopt;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), parsed.port);
  if (error != std::errc() || end != port.data() + port.size()) return std::nullopt;
  return parsed;
}

constexpr std::array<std::string_view, 4> kCodecNames = {"raw", "json", "msgpack", "protobuf"};
constexpr std::array<std::string_view, 3> kSendNames = {"copy", "gather", "uring"};
constexpr std::array<std::string_view, 2> kTriggerNames = {"level", "edge"};
constexpr std::array<std::string_view, 3> kSlowNames = {"drop-oldest", "conflate", "evict"};

/// One of the names, whose place is the value.
template <class T, std::size_t N>
void choice(CLI::App& app, const char* flag, T& into, const std::array<std::string_view, N>& names,
            const std::string& help) {
  std::string all;
  for (const std::string_view name : names) all.append(all.empty() ? "" : ", ").append(name);
  const std::string_view chosen = names[static_cast<std::size_t>(into)];
  app.add_option_function<std::string>(
         flag,
         [&into, flag, names, all](const std::string& text) {
           const auto found = std::ranges::find(names, text);
           if (found == names.end()) throw CLI::ValidationError(flag, "'" + text + "' is none of " + all);
           into = static_cast<T>(found - names.begin());
         },
         help + ": " + all + " (default " + std::string(chosen) + ")")
      ->type_name("NAME");
}

/// The same for designs, of which a program may hold only some.
template <class Kind, std::size_t N>
void design(CLI::App& app, const char* flag, Kind& into, const std::array<std::string_view, N>& names,
            const hub::Designs& designs, const std::string& help) {
  std::string held;
  for (std::size_t i = 0; i < N; ++i) {
    if (designs[static_cast<Kind>(i)] != nullptr) held.append(held.empty() ? "" : ", ").append(names[i]);
  }
  const std::string_view chosen = names[static_cast<std::size_t>(into)];
  app.add_option_function<std::string>(
         flag,
         [&into, &designs, flag, names, held](const std::string& text) {
           const auto found = std::ranges::find(names, text);
           if (found == names.end()) throw CLI::ValidationError(flag, "'" + text + "' is none of " + held);
           const auto kind = static_cast<Kind>(found - names.begin());
           if (designs[kind] == nullptr)
             throw CLI::ValidationError(flag, "'" + text +
                                                  "' won no row of scripts/bench and is not in this program, "
                                                  "which has " +
                                                  held + "; fanlight-server-lab beside it has them all");
           into = kind;
         },
         help + ": " + held + " (default " + std::string(chosen) + ")")
      ->type_name("NAME");
}

/// From `least` to `most`.
template <class Time>
void time_option(CLI::App& app, const char* flag, Time& into, const std::string& help, Time least = Time(0),
                 Time most = std::chrono::hours(24 * 365)) {
  app.add_option_function<std::string>(
         flag,
         [&into, flag, least, most](const std::string& text) {
           const auto time = parse_duration(text);
           if (!time) throw CLI::ValidationError(flag, time.error().what);
           const auto seconds = [](auto span) {
             return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(span).count()) + "s";
           };
           if (*time < least || *time > most)
             throw CLI::ValidationError(flag, "'" + text + "' is not from " + seconds(least) + " to " + seconds(most));
           into = std::chrono::duration_cast<Time>(*time);
         },
         help)
      ->type_name("TIME");
}

/// A secret. Empty, it would let everybody in who says nothing, as if there were none.
void secret_option(CLI::App& app, const char* flag, std::string& into, const std::string& help) {
  app.add_option_function<std::string>(
         flag,
         [&into, flag](const std::string& text) {
           if (text.empty()) throw CLI::ValidationError(flag, "it must not be empty");
           into = text;
         },
         help)
      ->type_name("TEXT");
}

void size_option(CLI::App& app, const char* flag, std::size_t& into, std::uint64_t most, const std::string& help) {
  app.add_option_function<std::string>(
         flag,
         [&into, flag, most](const std::string& text) {
           const auto bytes = parse_bytes(text);
           if (!bytes || *bytes == 0 || *bytes > most)
             throw CLI::ValidationError(flag, "'" + text + "' is not a size from 1 to " + std::to_string(most));
           into = *bytes;
         },
         help)
      ->type_name("SIZE");
}

/// "3=1"
net::SlotOwner slot_owner(const std::string& text) {
  net::SlotOwner owner;
  const char* end = text.data() + text.size();
  const auto slot = std::from_chars(text.data(), end, owner.slot);
  if (slot.ec == std::errc() && slot.ptr != end && *slot.ptr == '=') {
    const auto worker = std::from_chars(slot.ptr + 1, end, owner.worker);
    if (worker.ec == std::errc() && worker.ptr == end) return owner;
  }
  throw CLI::ValidationError("--slot", "'" + text + "' is not SLOT=WORKER, such as 3=1");
}

/// "100" or "100:200": per second, and at once.
void rate_option(CLI::App& app, const char* flag, limits::Rate& into, const std::string& help) {
  app.add_option_function<std::string>(
         flag,
         [&into, flag](const std::string& text) {
           limits::Rate rate;
           const char* end = text.data() + text.size();
           auto [at, error] = std::from_chars(text.data(), end, rate.per_second);
           rate.burst = 2 * rate.per_second;
           if (error == std::errc() && at != end && *at == ':') {
             const auto burst = std::from_chars(at + 1, end, rate.burst);
             at = burst.ptr;
             error = burst.ec;
           }
           if (error != std::errc() || at != end || !(rate.per_second > 0 && rate.per_second <= 1e9) ||
               !(rate.burst >= 1 && rate.burst <= 1e9)) {
             throw CLI::ValidationError(flag, "'" + text + "' is not RATE or RATE:BURST per second, such as 100:200");
           }
           into = rate;
         },
         help)
      ->type_name("RATE[:BURST]");
}

}  // namespace

std::variant<Command, Leave> parse(int argc, const char* const* argv, std::size_t max_descriptors,
                                   const hub::Designs& designs) {
  Command command;
  net::Options& server = command.server;
  const std::size_t descriptors =
      max_descriptors > 2 * kOwnDescriptors ? max_descriptors - kOwnDescriptors : kOwnDescriptors;
  server.max_connections = descriptors;
  std::chrono::milliseconds origin_timeout = net::Origin().timeout;
  std::chrono::nanoseconds breaker_pause(server.snapshots.breaker.pause_ns);

  CLI::App app{"fanlight-server: broadcasts what is published on a topic to its SSE and WebSocket subscribers",
               "fanlight-server"};
  app.set_version_flag("--version", "fanlight-server 0.1.0");
  app.footer(kExamples);
  app.add_option_function<std::string>(
         "--listen",
         [&](const std::string& text) {
           const auto parsed = parse_listen(text);
           if (!parsed)
             throw CLI::ValidationError("--listen",
                                        "'" + text + "' is not ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080");
           server.address = parsed->address;
           server.port = parsed->port;
         },
         "where to listen; port 0: any free one (default 127.0.0.1:8080)")
      ->type_name("ADDRESS:PORT");
  app.add_option("--workers", server.workers, "event loops, a thread each (default: one per CPU)")
      ->check(CLI::Range(1, 64))
      ->type_name("N");
  app.add_option("--outbox", server.outbox_frames,
                 "messages that wait for a slow subscriber before its oldest are dropped (default 256)")
      ->check(CLI::Range(3, 65'535))
      ->type_name("N");
  app.add_option("--max-connections", server.max_connections,
                 "connections at one time; more are answered 503 (default: what RLIMIT_NOFILE allows, here " +
                     std::to_string(descriptors) + ")")
      ->check(CLI::Range(1, 10'000'000))
      ->type_name("N");
  app.add_option("--max-topics", server.max_topics, "topics with subscribers at one time (default 65536)")
      ->check(CLI::Range(1, 10'000'000))
      ->type_name("N");
  app.add_option_function<std::string>(
         "--max-body",
         [&](const std::string& text) {
           const auto bytes = parse_bytes(text);
           constexpr std::uint64_t kMost = 64u << 20;
           if (!bytes || *bytes == 0 || *bytes > kMost)
             throw CLI::ValidationError("--max-body", "'" + text + "' is not a size from 1 to 64M");
           server.max_body_bytes = *bytes;
         },
         "largest message that is published (default 1M)")
      ->type_name("SIZE");
  time_option(app, "--drain", server.drain, "how long a stop lets queued messages leave (default 5s)");
  app.add_option("--sample-hz", command.sample_hz,
                 "samples per second of CPU time that each worker takes of itself; 0: none (default 99)")
      ->check(CLI::Range(0, 10'000))
      ->type_name("N");

  app.option_defaults()->group("Designs");
  server.designs = &designs;
  design(app, "--registry", server.registry, hub::kRegistryNames, designs, "who is subscribed");
  if (designs[hub::RegistryKind::sharded] != nullptr) {
    app.add_option("--shards", server.shards, "of the sharded registry; 0: as many as the load asks for (default 0)")
        ->check(CLI::Range(0, 64))
        ->type_name("N");
  }
  choice(app, "--queue", server.queue, hub::kQueueNames, "from publishers to workers");
  app.add_option("--inbox", server.inbox_messages, "messages that wait for a worker (default 4096)")
      ->check(CLI::Range(2, 1 << 20))
      ->type_name("N");
  design(app, "--dispatch", server.dispatch, hub::kDispatchNames, designs,
         "who publishes: the worker that read the request, or threads of their own");
  choice(app, "--codec", server.codec, kCodecNames, "how payloads are written");
  choice(app, "--send", server.send, kSendNames,
         "bytes gathered once for neighbours, gathered by the kernel, or for 64 connections by one call of io_uring");
  choice(app, "--trigger", server.edge_triggered, kTriggerNames, "of epoll");
  app.add_option("--slice", server.flush_slice, "connections written to per loop turn (default 512)")
      ->check(CLI::Range(1, 1 << 20))
      ->type_name("N");
  choice(app, "--affinity", server.affinity, net::kAffinityNames,
         "which worker a connection goes to: in turn, or by "
         "its address's slot");
  app.add_option("--slots", server.slots, "of the hash table from addresses to workers (default 16)")
      ->check(CLI::Range(1, 65'536))
      ->type_name("N");
  app.add_option_function<std::vector<std::string>>(
         "--slot",
         [&](const std::vector<std::string>& texts) {
           server.slot_owners.clear();
           for (const std::string& text : texts) server.slot_owners.push_back(slot_owner(text));
         },
         "which worker a slot belongs to, such as 3=1; may be given often (default: dealt out in turn)")
      ->type_name("SLOT=WORKER");
  app.add_flag("--pin", server.pin, "worker N runs on CPU N only");

  app.option_defaults()->group("Slow clients and history");
  choice(app, "--slow-client", server.slow_client, kSlowNames, "what a full outbox means");
  app.add_option_function<std::vector<std::string>>(
         "--slow-topic",
         [&](const std::vector<std::string>& texts) {
           server.slow_rules.clear();
           for (const std::string& text : texts) {
             const std::size_t equals = text.find('=');
             const auto policy = hub::slow_client(text.substr(equals == std::string::npos ? text.size() : equals + 1));
             if (!policy)
               throw CLI::ValidationError("--slow-topic",
                                          "'" + text + "' is not TOPIC=drop-oldest, TOPIC=conflate or TOPIC=evict");
             server.slow_rules.push_back({.pattern = text.substr(0, equals), .slow = *policy});
           }
         },
         "the same for one topic, or for those that begin like 'prices*'; may be given often")
      ->type_name("TOPIC=POLICY");
  size_option(app, "--outbox-bytes", server.outbox_bytes, 1u << 30,
              "bytes that wait for a slow subscriber (default 8M)");
  time_option(app, "--max-age", server.max_age, "how long an event may wait for its subscriber (default: for ever)");
  app.add_option("--history", server.history_messages, "messages kept per topic for replay; 0: none (default 100)")
      ->check(CLI::Range(0, 100'000))
      ->type_name("N");
  size_option(app, "--history-bytes", server.history_bytes, 1u << 30, "bytes kept per topic (default 1M)");

  app.option_defaults()->group("Protocol");
  // Whole seconds is how often the workers look; proxies and load balancers cut what is silent for a minute or less.
  constexpr std::chrono::seconds kSecond(1), kLongestSilence(30);
  time_option(app, "--heartbeat", server.heartbeat, "silence before a comment or a ping, 1s to 30s (default 15s)",
              kSecond, kLongestSilence);
  time_option(app, "--pong-window", server.pong_window, "for the answer to a ping (default 10s)", kSecond);
  time_option(app, "--request-deadline", server.request_deadline, "for a request to arrive (default 5s)", kSecond);
  time_option(app, "--idle-deadline", server.idle_deadline, "between the requests of a connection (default 1m)",
              kSecond);
  size_option(app, "--max-message", server.max_message_bytes, 16u << 20, "that a WebSocket client sends (default 64K)");
  app.add_flag("!--no-compress", server.compress, "no permessage-deflate and no gzip, whoever asks");
  app.add_flag("!--no-retry", server.retry_advice, "no 'retry:' at the start of event streams");
  app.add_option("--reconnect-surge", server.reconnect_surge,
                 "connections per second from which clients are told to wait 15 s (default 500)")
      ->check(CLI::Range(1.0, 1e9))
      ->type_name("N");
  app.add_flag("--echo", server.echo, "GET /echo sends WebSocket messages back, for conformance tests");
  app.add_option("--cert", server.certificate, "serve TLS with this certificate chain, PEM")->type_name("FILE");
  app.add_option("--key", server.key, "and its private key, PEM")->type_name("FILE");

  app.option_defaults()->group("Snapshots");
  app.add_option_function<std::string>(
         "--origin",
         [&](const std::string& text) {
           const auto origin = net::parse_origin(text);
           if (!origin) throw CLI::ValidationError("--origin", origin.error().what);
           server.origin = *origin;
         },
         "who knows the state of topics: GET URL{topic} answers it, or 404 (default: a topic's newest message is it)")
      ->type_name("URL");
  time_option(app, "--origin-timeout", origin_timeout, "for its answer (default 1s)");
  time_option(app, "--origin-fresh", server.snapshots.fresh, "how long an answer counts as current (default 1s)");
  time_option(app, "--origin-unknown", server.snapshots.unknown,
              "how long it is not asked again for a topic that it does not know (default 5s)");
  app.add_option("--breaker-failures", server.snapshots.breaker.failures,
                 "failures in a row after which it is left alone, and what it said last is given (default 5)")
      ->check(CLI::Range(1, 1000))
      ->type_name("N");
  time_option(app, "--breaker-pause", breaker_pause, "how long it is left alone before one more try (default 5s)");

  app.option_defaults()->group("Limits and access");
  app.add_option("--max-per-address", server.per_address.connections, "connections of one address (default: no limit)")
      ->type_name("N");
  rate_option(app, "--accept-rate", server.per_address.accepts, "new connections of one address (default: no limit)");
  rate_option(app, "--publish-rate", server.per_address.publishes, "messages of one address (default: no limit)");
  app.add_option("--allow-origin", server.access.origins,
                 "pages that may connect, such as https://example.org, or 'self'; may be given often (default: all)")
      ->type_name("ORIGIN");
  secret_option(app, "--publish-token", server.access.publish_token, "that publishers have to send");
  secret_option(app, "--subscribe-token", server.access.subscribe_token, "that subscribers have to send");
  secret_option(app, "--jwt-key", server.access.jwt_key, "key of HS256 tokens that grant topics");

  app.option_defaults()->group("Running");
  app.set_config("--config", "", "a file of these options, 'name = value' a line")->type_name("FILE");
  // A limit that is misspelt must not pass for one that is set.
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.add_option("--log", command.log.file, "append what is said to a file (default: standard error)")
      ->type_name("FILE");
  app.add_flag("--log-json", command.log.json, "say it as JSON");

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return Leave{.out = app.help()};
  } catch (const CLI::CallForVersion& version) {
    return Leave{.out = std::string(version.what()) + "\n"};
  } catch (const CLI::ParseError& error) {
    return Leave{.exit_code = 2, .error = error.what(), .hint = "fanlight-server --help shows what it takes"};
  }
  const unsigned workers = server.workers == 0 ? net::default_workers() : server.workers;
  for (const net::SlotOwner& each : server.slot_owners) {
    if (each.slot < server.slots && each.worker < workers) continue;
    return Leave{.exit_code = 2,
                 .error = "--slot: " + std::to_string(each.slot) + "=" + std::to_string(each.worker) +
                          " is not one of " + std::to_string(server.slots) + " slots and " + std::to_string(workers) +
                          " workers",
                 .hint = "both count from 0; --slots and --workers say how many there are"};
  }
  if (server.origin) server.origin->timeout = origin_timeout;
  server.snapshots.breaker.pause_ns = static_cast<std::uint64_t>(breaker_pause.count());
  if (server.certificate.empty() != server.key.empty()) {
    return Leave{.exit_code = 2, .error = "--cert and --key go together", .hint = "give both, or neither"};
  }
  if (const CLI::Option* config = app.get_config_ptr(); config != nullptr && config->count() > 0)
    command.config = config->as<std::string>();
  return command;
}

}  // namespace fanlight::server::cli
