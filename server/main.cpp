// `fanlight-server`. In: a command line, SIGTERM or SIGINT to stop. Out: words on stderr; 0 stopped, 1 failed, 2
// misused.
#include <pthread.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <variant>

#include "collector/inprocess/inprocess.hpp"
#include "server/cli/command_line.hpp"
#include "server/net/server.hpp"

namespace {

using namespace fanlight;
using namespace fanlight::server;

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
  return signals;
}

void print_account(const net::Reading& reading) {
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
  std::fprintf(stderr, "stopped: %llu messages published, %llu deliveries, %llu dropped%s\n",
               static_cast<unsigned long long>(reading.published.messages),
               static_cast<unsigned long long>(all.delivered), static_cast<unsigned long long>(all.dropped_total()),
               drops.c_str());
}

int serve(const cli::Command& command) {
  // Blocked before any thread starts, so that every thread inherits it and only `sigwait` below sees them.
  const sigset_t signals = stop_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  if (const int error = inprocess::start({.hz = command.sample_hz}); error != 0) {
    std::fprintf(stderr, "fanlight-server: no sampler inside, and no metrics for a collector: %s\n",
                 std::strerror(error));
  }
  auto server = net::Server::start(command.server);
  if (!server) return complain(server.error().what, server.error().hint, 1);
  const bool v6 = command.server.address.find(':') != std::string::npos;
  std::fprintf(stderr, "listening on http://%s%s%s:%u\n", v6 ? "[" : "", command.server.address.c_str(), v6 ? "]" : "",
               server->port());

  int received = 0;
  while (::sigwait(&signals, &received) != 0) {}
  std::fprintf(stderr, "%s: stopping, up to %.1f s for what is queued\n", received == SIGINT ? "SIGINT" : "SIGTERM",
               static_cast<double>(command.server.drain.count()) / 1e3);
  // A second signal does what it does by default: who is in a hurry need not wait.
  ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  print_account(server->stop());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto parsed = cli::parse(argc, argv, raise_descriptor_limit());
    if (const auto* leave = std::get_if<cli::Leave>(&parsed)) {
      if (!leave->error.empty()) return complain(leave->error, leave->hint, leave->exit_code);
      std::fputs(leave->out.c_str(), stdout);
      return leave->exit_code;
    }
    return serve(std::get<cli::Command>(parsed));
  } catch (const std::exception& bug) {
    return complain(std::string("internal error: ") + bug.what(),
                    "this is a bug; please report it with the command line", 1);
  }
}
