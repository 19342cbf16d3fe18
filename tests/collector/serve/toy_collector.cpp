// A collector that shows a made-up broadcaster, for tests that ask it as users do: Prometheus, browsers, fanlight top.
// In: --address A --token T --certificate FILE --key FILE. Out: "port N" on stdout, until stdin ends; or the refusal.
#include <cstdio>
#include <cstring>
#include <string>

#include "collector/serve/server.hpp"
#include "tests/collector/profile/made_windows.hpp"

int main(int argc, char** argv) {
  fanlight::serve::Options options{.port = 0};
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--address") options.address = argv[i + 1];
    if (name == "--token") options.token = argv[i + 1];
    if (name == "--certificate") options.certificate = argv[i + 1];
    if (name == "--key") options.key = argv[i + 1];
  }
  const fanlight::profile::Profile profile = fanlight::testing::broadcaster().query();
  const auto server =
      fanlight::serve::Server::start(options, {.query = [&](std::uint64_t, std::uint64_t) { return profile; },
                                               .since_attach =
                                                   [&] {
                                                     // The waiting endpoints wait until this passes their end.
                                                     auto all = profile;
                                                     all.to_ns = ~std::uint64_t{0};
                                                     return all;
                                                   }});
  if (!server) {
    std::printf("refused: %s; hint: %s\n", server.error().what.c_str(), server.error().hint.c_str());
    return 1;
  }
  std::printf("port %u\n", server->port());
  std::fflush(stdout);
  while (std::getchar() != EOF) {}
  return 0;
}
