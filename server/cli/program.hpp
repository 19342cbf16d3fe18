// The program `fanlight-server`, for every set of designs. In: a command line. Out: an exit code.
#pragma once

#include "server/hub/designs.hpp"

namespace fanlight::server::cli {

/// Serves until SIGTERM or SIGINT; SIGHUP reads limits anew. Words on stderr; 0 stopped, 1 failed, 2 misused. Once.
int run_server(int argc, char** argv, const hub::Designs& designs);

}  // namespace fanlight::server::cli
