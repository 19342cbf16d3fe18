// `fanlight-server-lab`: the same server with every design, to run them under the same load.
#include "server/cli/program.hpp"
#include "tests/bench/designs/all_designs.hpp"

int main(int argc, char** argv) {
  return fanlight::server::cli::run_server(argc, argv, fanlight::server::hub::designs::all_designs());
}
