#include "server/cli/program.hpp"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <variant>

#include "collector/inprocess/inprocess.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/log.hpp"
#include "server/net/server.hpp"

namespace fanlight::server::cli {
namespace {

int complain(const std::string& what, const std::string& hint, int exit_code) {
  std::fprintf(stderr, "fanlight-server: %s\nhint: %s\n", what.c_str(), hint.c_str());
  return exit_code;
}

/// A connection is a descriptor: takes as many as the system gives without privilege. Returns how many that is.
std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  const rlimit raised{.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
  if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) return limit.rlim_max;
  return limit.rlim_cur;
}

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  return signals;
}

void print_account(Log& log, const net::Reading& reading) {
  hub::WireReading all;
  std::string drops;
  for (const hub::WireReading& wire : reading.workers.wires) {
    all.offered += wire.offered;
    all.delivered += wire.delivered;
    for (std::size_t cause = 0; cause < hub::kDrops; ++cause) all.dropped[cause] += wire.dropped[cause];
  }
  for (std::size_t cause = 0; cause < hub::kDrops; ++cause) {
    if (all.dropped[cause] == 0) continue;
    drops += drops.empty() ? " (" : ", ";
    drops += std::string(hub::kDropNames[cause]) + " " + std::to_string(all.dropped[cause]);
  }
  if (!drops.empty()) drops += ")";
  const std::string published = std::to_string(reading.published.messages);
  const std::string delivered = std::to_string(all.delivered);
  const std::string dropped = std::to_string(all.dropped_total());
  log.say(
      "stopped",
      "stopped: " + published + " messages published, " + delivered + " deliveries, " + dropped + " dropped" + drops,
      {{"published", published}, {"delivered", delivered}, {"dropped", dropped}});
}

/// Takes the limits, and nothing else, from what the file of settings says now.
void reload(Log& log, net::Server& server, int argc, const char* const* argv, const hub::Designs& designs) {
  const auto parsed = parse(argc, argv, raise_descriptor_limit(), designs);
  if (const auto* leave = std::get_if<Leave>(&parsed)) {
    return log.say("reload_failed", "SIGHUP: kept the old limits: " + leave->error, {{"error", leave->error}});
  }
  server.set_limits(std::get<Command>(parsed).server.limits());
  log.say("reloaded", "SIGHUP: limits, tokens, origins and heartbeat are those of the file now");
}

int serve(const Command& command, int argc, const char* const* argv) {
  // Blocked before any thread starts, so that every thread inherits it and only `sigwait` below sees them.
  const sigset_t signals = stop_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  auto log = Log::open(command.log);
  if (!log) return complain(log.error().what, log.error().hint, 1);
  if (const int error = inprocess::start({.hz = command.sample_hz}); error != 0) {
    log->say("no_sampler", "fanlight-server: no sampler inside, and no metrics for a collector: " +
                               std::string(std::strerror(error)));
  }
  auto server = net::Server::start(command.server);
  if (!server) return complain(server.error().what, server.error().hint, 1);
  const bool v6 = command.server.address.find(':') != std::string::npos;
  const std::string scheme = command.server.certificate.empty() ? "http://" : "https://";
  const std::string url = scheme + (v6 ? "[" + command.server.address + "]" : command.server.address) + ":" +
                          std::to_string(server->port());
  log->say("listening", "listening on " + url, {{"url", url}, {"pid", std::to_string(::getpid())}});

  int received = SIGHUP;
  while (received == SIGHUP) {
    while (::sigwait(&signals, &received) != 0) {}
    if (received == SIGHUP) reload(*log, *server, argc, argv, *command.server.designs);
  }
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.1f s", static_cast<double>(command.server.drain.count()) / 1e3);
  const std::string name = received == SIGINT ? "SIGINT" : "SIGTERM";
  log->say("stopping", name + ": stopping, up to " + seconds + " for what is queued", {{"signal", name}});
  // A second signal does what it does by default: who is in a hurry need not wait.
  ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  print_account(*log, server->stop());
  return 0;
}

}  // namespace

int run_server(int argc, char** argv, const hub::Designs& designs) {
  try {
    const auto parsed = parse(argc, argv, raise_descriptor_limit(), designs);
    if (const auto* leave = std::get_if<Leave>(&parsed)) {
      if (!leave->error.empty()) return complain(leave->error, leave->hint, leave->exit_code);
      std::fputs(leave->out.c_str(), stdout);
      return leave->exit_code;
    }
    return serve(std::get<Command>(parsed), argc, argv);
  } catch (const std::exception& bug) {
    return complain(std::string("internal error: ") + bug.what(),
                    "this is a bug; please report it with the command line", 1);
  }
}

}  // namespace fanlight::server::cli
