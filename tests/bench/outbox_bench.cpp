// What a delivery costs before the kernel sees it: queue, gather, release. Unit: deliveries per second.
#include <benchmark/benchmark.h>
#include <sys/uio.h>

#include <array>
#include <string>
#include <vector>

#include "server/hub/outbox.hpp"

namespace {

using namespace fanlight::server;

/// A message of 128 bytes to `range(0)` subscribers, `range(1)` messages waiting in each when it is flushed.
void BM_outbox_deliver(benchmark::State& state) {
  const auto subscribers = static_cast<std::size_t>(state.range(0));
  const auto depth = static_cast<std::size_t>(state.range(1));
  std::vector<hub::Outbox> outboxes;
  for (std::size_t i = 0; i < subscribers; ++i) outboxes.emplace_back(256);
  const codec::Frame frame = codec::event_frame(std::string(140, 'x'), 1);
  std::array<iovec, 256> room;
  for (auto _ : state) {
    for (hub::Outbox& outbox : outboxes) {
      for (std::size_t i = 0; i < depth; ++i) outbox.offer(frame);
    }
    for (hub::Outbox& outbox : outboxes) {
      benchmark::DoNotOptimize(outbox.gather(room));
      outbox.sent(outbox.bytes(), [](const codec::Encoded&) {});
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0) * state.range(1));
}
BENCHMARK(BM_outbox_deliver)->Args({1000, 1})->Args({10'000, 1})->Args({1000, 16});

/// A client that reads nothing: every message drops an older one.
void BM_outbox_drop_oldest(benchmark::State& state) {
  hub::Outbox outbox(256);
  const codec::Frame frame = codec::event_frame(std::string(140, 'x'), 1);
  for (int i = 0; i < 256; ++i) outbox.offer(frame);
  outbox.sent(1, [](const codec::Encoded&) {});  // the head is half sent and stays
  for (auto _ : state) benchmark::DoNotOptimize(outbox.offer(frame));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_outbox_drop_oldest);

}  // namespace
