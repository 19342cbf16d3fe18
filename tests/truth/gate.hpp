// Lets a recorder attach before anything counts: says who we are and waits to be let go.
#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace fanlight::truth {

/// Prints "ready PID", then waits for a line on stdin, its end, or SIGUSR1. Call it before other threads start: they
/// inherit the blocked signal.
inline void wait_at_gate() {
  sigset_t usr1;
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  sigprocmask(SIG_BLOCK, &usr1, nullptr);
  const int signals = ::signalfd(-1, &usr1, SFD_CLOEXEC);
  std::printf("ready %d\n", static_cast<int>(::getpid()));
  std::fflush(stdout);
  pollfd sources[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
  while (::poll(sources, 2, -1) < 0) {}
  ::close(signals);
}

[[noreturn]] inline void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

}  // namespace fanlight::truth
