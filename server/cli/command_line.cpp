#include "server/cli/command_line.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>

#include "core/units.hpp"

namespace fanlight::server::cli {
namespace {

constexpr const char* kExamples =
    "Endpoints:\n"
    "  GET /sse/{topic}   GET /ws/{topic}   POST /topics/{topic}   GET /metrics   GET /healthz\n"
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
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), parsed.port);
  if (error != std::errc() || end != port.data() + port.size()) return std::nullopt;
  return parsed;
}

}  // namespace

std::variant<Command, Leave> parse(int argc, const char* const* argv, std::size_t max_descriptors) {
  Command command;
  net::Options& server = command.server;
  const std::size_t descriptors =
      max_descriptors > 2 * kOwnDescriptors ? max_descriptors - kOwnDescriptors : kOwnDescriptors;
  server.max_connections = descriptors;

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
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  app.add_option("--outbox", server.outbox_frames,
                 "messages that wait for a slow subscriber before its oldest are dropped (default 256)")
      ->check(CLI::Range(3, 1 << 16))
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
  app.add_option_function<std::string>(
         "--drain",
         [&](const std::string& text) {
           const auto time = parse_duration(text);
           if (!time) throw CLI::ValidationError("--drain", time.error().what);
           server.drain = std::chrono::duration_cast<std::chrono::milliseconds>(*time);
         },
         "how long a stop lets queued messages leave (default 5s)")
      ->type_name("TIME");
  app.add_option("--sample-hz", command.sample_hz,
                 "samples per second of CPU time that each worker takes of itself; 0: none (default 99)")
      ->check(CLI::Range(0, 10'000))
      ->type_name("N");

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return Leave{.out = app.help()};
  } catch (const CLI::CallForVersion& version) {
    return Leave{.out = std::string(version.what()) + "\n"};
  } catch (const CLI::ParseError& error) {
    return Leave{.exit_code = 2, .error = error.what(), .hint = "fanlight-server --help shows what it takes"};
  }
  return command;
}

}  // namespace fanlight::server::cli
