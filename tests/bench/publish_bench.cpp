// A publish up to the workers' inboxes: encoding, the registry's lock, the copies. Unit: messages per second.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "server/hub/hub.hpp"

namespace {

using namespace fanlight::server;

std::unique_ptr<hub::Hub> shared_hub;

/// 128 bytes to `range(0)` subscribers, half of each kind, on two workers whose inboxes are emptied as they go.
void BM_publish(benchmark::State& state) {
  if (state.thread_index() == 0) {
    shared_hub = std::make_unique<hub::Hub>(hub::HubOptions{.workers = 2});
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      auto& worker = shared_hub->worker(static_cast<std::size_t>(i % 2));
      if (!worker.join("t", i % 4 < 2 ? codec::Wire::sse : codec::Wire::websocket, shared_hub->ticket())) {
        state.SkipWithError("join failed");
      }
    }
  }
  const std::string payload(128, 'x');
  hub::Inbox::Batch batch;
  for (auto _ : state) {
    benchmark::DoNotOptimize(shared_hub->publish("t", payload, 1));
    for (std::size_t worker = 0; worker < 2; ++worker) shared_hub->worker(worker).inbox().take(batch);
  }
  state.SetItemsProcessed(state.iterations());
  if (state.thread_index() == 0) shared_hub.reset();
}
BENCHMARK(BM_publish)->Arg(0)->Arg(1000)->Arg(10'000)->ThreadRange(1, 2);

}  // namespace
