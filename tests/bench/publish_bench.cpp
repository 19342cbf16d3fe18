// A publish up to the workers' inboxes: the topic's lock, the registry, the copies. Nobody empties the inboxes, so that
// most pushes take the path of a full one. Unit: messages per second.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "server/hub/hub.hpp"
#include "tests/bench/designs/all_designs.hpp"

namespace {

using namespace fanlight::server;

std::unique_ptr<hub::Hub> shared_hub;

/// 128 bytes to `range(0)` subscribers, half of each kind, on two workers that do not run. `range(1)`:
/// the registry.
void BM_publish(benchmark::State& state) {
  if (state.thread_index() == 0) {
    hub::HubOptions options{.workers = 2,
                            .designs = &hub::designs::all_designs(),
                            .registry = static_cast<hub::RegistryKind>(state.range(1))};
    options.worker.inbox_messages = 64;
    shared_hub = std::make_unique<hub::Hub>(options);
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      hub::Worker& worker = shared_hub->worker(static_cast<std::size_t>(i % 2));
      hub::Session& session = worker.adopt(fanlight::Fd(), shared_hub->ticket(), nullptr, nullptr, 5);
      const auto wire = i % 4 < 2 ? codec::Wire::sse : codec::Wire::websocket;
      worker.go_live(session, wire, std::make_unique<hub::Conversation>(codec::ClientFramesOptions{}));
      if (!worker.subscribe(session, {.topic = "t", .wire = wire})) state.SkipWithError("subscribe failed");
    }
  }
  const std::string payload(128, 'x');
  for (auto _ : state)
    benchmark::DoNotOptimize(shared_hub->publish({.topic = "t", .payload = payload, .published_ns = 1}));
  state.SetItemsProcessed(state.iterations());
  state.SetLabel(std::string(hub::kRegistryNames[static_cast<std::size_t>(state.range(1))]));
  if (state.thread_index() == 0) shared_hub.reset();
}
BENCHMARK(BM_publish)->ArgsProduct({{0, 1000, 10'000}, {0, 1, 2, 3, 4, 5}})->ThreadRange(1, 2);

}  // namespace
