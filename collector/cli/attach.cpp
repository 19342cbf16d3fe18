#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "collector/cli/command.hpp"
#include "collector/cli/options.hpp"
#include "collector/cli/progress.hpp"
#include "collector/cli/stop.hpp"
#include "collector/serve/server.hpp"
#include "collector/session/session.hpp"
#include "core/clock.hpp"
#include "core/units.hpp"

namespace fanlight::cli {
namespace {

struct AttachOptions {
  WatchOptions watch;
  serve::Options serve;
  std::optional<std::chrono::nanoseconds> time;
  std::filesystem::path token_file;
};

/// The first line of the file: on a command line everybody on the machine could read it.
Result<std::string> token_of(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::string token;
  if (!std::getline(stream, token)) return fail(errno, "read " + file.string(), "give a file that holds the token");
  if (token.size() < 16) {
    return fail(0, file.string() + ": a token of fewer than 16 letters", "make one: openssl rand -hex 32 > FILE");
  }
  return token;
}

/// "127.0.0.1:9180", "[::1]:0", "9180".
bool parse_listen(const std::string& text, serve::Options& into) {
  std::string port = text;
  if (const std::size_t colon = text.rfind(':'); colon != std::string::npos) {
    into.address = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (into.address.size() > 2 && into.address.front() == '[' && into.address.back() == ']') {
      into.address = into.address.substr(1, into.address.size() - 2);
    }
  }
  const auto [end, ec] = std::from_chars(port.data(), port.data() + port.size(), into.port);
  return ec == std::errc{} && end == port.data() + port.size() && !port.empty();
}

Result<Outcome> attach(const AttachOptions& options) {
  catch_stop_signals();
  serve::Options serve_options = options.serve;
  if (!options.token_file.empty()) {
    auto token = token_of(options.token_file);
    if (!token) return within("attach", token.error());
    serve_options.token = std::move(*token);
  }
  auto watched = options.watch.find();
  if (!watched) return within("attach", watched.error());
  watched->options.slice = std::chrono::milliseconds(500);  // a viewer sees half a second ago, not a whole one
  auto session = session::Session::attach(watched->options);
  // The probes call their own step "attach", too.
  if (!session && session.error().what.starts_with("attach")) return std::unexpected(session.error());
  if (!session) return within("attach", session.error());
  keep_only_looking(watched->options.pid);
  const session::Session& watched_session = *session;
  auto server = serve::Server::start(
      serve_options,
      {.query = [&](std::uint64_t from_ns, std::uint64_t to_ns) { return watched_session.query(from_ns, to_ns); },
       .since_attach = [&] { return watched_session.since_attach(); }});
  if (!server) return within("attach", server.error());
  const profile::Target& target = session->window().target();
  say_what_is_missing(target);
  const std::string host =
      options.serve.address.find(':') == std::string::npos ? options.serve.address : "[" + options.serve.address + "]";
  std::fprintf(stderr, "watching %s\nserving on %s://%s:%u\nnext: fanlight-ui --connect %s:%u   (Ctrl-C detaches)\n",
               who(target).c_str(), options.serve.certificate.empty() ? "http" : "https", host.c_str(), server->port(),
               host.c_str(), server->port());

  if (watched->launched) {
    if (const auto gone = watched->launched->let_go(); !gone) return within("attach", gone.error());
    session->started();
  }
  const std::uint64_t start_ns = monotonic_ns();
  bool told = false;
  while (!stop_requested()) {
    if (options.time && std::chrono::nanoseconds(monotonic_ns() - start_ns) >= *options.time) break;
    const auto step = session->step(std::chrono::milliseconds(50));
    if (!step) return within("attach", step.error());
    if (!session->target_alive() && !told) {
      told = true;
      const auto watched_ns = static_cast<double>(monotonic_ns() - start_ns);
      std::fprintf(stderr, "the target exited; it was watched for %s; still serving what was seen until Ctrl-C\n",
                   format_ns(watched_ns).c_str());
    }
  }
  say_how_it_ended(watched->launched);
  return Outcome{};
}

}  // namespace

void add_attach(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("attach", "watch a process and serve what is seen over HTTP");
  auto options = std::make_shared<AttachOptions>();
  options->watch.add_to(*command);
  command
      ->add_option_function<std::string>(
          "--listen",
          [options](const std::string& text) {
            if (!parse_listen(text, options->serve))
              throw CLI::ValidationError("--listen", "'" + text + "' is not ADDRESS:PORT");
          },
          "where to serve (default 127.0.0.1:9180; port 0: any free one); an address that others can reach needs a "
          "token and "
          "TLS")
      ->type_name("ADDRESS:PORT");
  command->add_option("--token-file", options->token_file, "ask for this file's first line as a bearer token")
      ->type_name("FILE");
  command->add_option("--tls-cert", options->serve.certificate, "serve over TLS with this PEM certificate")
      ->type_name("FILE");
  command->add_option("--tls-key", options->serve.key, "the certificate's PEM key")->type_name("FILE");
  add_duration(*command, "--for", options->time, "how long; without it until Ctrl-C");
  command->footer(
      "\nExamples:\n"
      "  sudo fanlight attach --pid $(pidof fanlight-server)\n"
      "  sudo fanlight attach -- ./server --port 8080       # starts it, and watches it with its children\n"
      "  curl -s 127.0.0.1:9180/metrics | grep fanlight_thread_seconds_total\n"
      "  go tool pprof -http=: 'http://127.0.0.1:9180/debug/pprof/profile?seconds=10'\n");
  command->callback([options, &run] {
    options->watch.check();
    run = [options] { return attach(*options); };
  });
}

}  // namespace fanlight::cli
