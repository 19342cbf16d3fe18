// Making frames, and reading what clients send. Units: messages and bytes per second.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <span>
#include <string>

#include "server/codec/client_frames.hpp"
#include "server/codec/sse.hpp"
#include "server/codec/websocket.hpp"

namespace {

using namespace fanlight::server;

void BM_encode_sse(benchmark::State& state) {
  const std::string payload(static_cast<std::size_t>(state.range(0)), 'x');
  std::uint64_t id = 0;
  for (auto _ : state) {
    const auto event = codec::encode_sse(payload, 1);
    codec::set_sse_id(*event, ++id);
    benchmark::DoNotOptimize(event->bytes());
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_encode_sse)->Arg(128)->Arg(64 * 1024);

void BM_encode_websocket(benchmark::State& state) {
  const std::string payload(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state) benchmark::DoNotOptimize(codec::encode_websocket(payload, 1)->bytes());
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_encode_websocket)->Arg(128)->Arg(64 * 1024);

void BM_read_client_frames(benchmark::State& state) {
  std::string bytes;
  while (bytes.size() < 16'000) bytes += std::string("\x8A\x84\x01\x02\x03\x04pong", 10);
  for (auto _ : state) {
    codec::ClientFrames frames;
    auto rest = std::as_bytes(std::span(bytes));
    benchmark::DoNotOptimize(frames.next(rest));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}
BENCHMARK(BM_read_client_frames);

}  // namespace
