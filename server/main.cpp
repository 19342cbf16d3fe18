// `fanlight-server`, with the designs that win somewhere.
#include "server/cli/program.hpp"

int main(int argc, char** argv) {
  return fanlight::server::cli::run_server(argc, argv, fanlight::server::hub::hot_designs());
}
