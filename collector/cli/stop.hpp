// Ctrl-C and SIGTERM, as something a loop can ask about. In: signals. Out: "stop now?".
#pragma once

namespace fanlight::cli {

/// From now on the first SIGINT, SIGTERM or SIGHUP asks for an orderly end; a second one kills at once.
void catch_stop_signals();

/// True once a stop was asked for. Threads: any.
bool stop_requested();

/// Begins anew: what comes next may be stopped as well.
void forget_stop();

}  // namespace fanlight::cli
