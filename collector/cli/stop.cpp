#include "collector/cli/stop.hpp"

#include <csignal>
#include <initializer_list>

namespace fanlight::cli {
namespace {

volatile std::sig_atomic_t g_stop = 0;

void on_signal(int) { g_stop = 1; }

}  // namespace

void catch_stop_signals() {
  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESETHAND;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, nullptr);  // a reader that closes its end is an error of write(2), not our death
}

bool stop_requested() { return g_stop != 0; }

void forget_stop() {
  g_stop = 0;
  catch_stop_signals();
}

}  // namespace fanlight::cli
