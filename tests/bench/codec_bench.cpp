// Making frames, and reading what clients send. Units: messages and bytes per second.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <span>
#include <string>

#include "server/codec/client_frames.hpp"
#include "server/codec/message.hpp"

namespace {

using namespace fanlight::server;

/// One message, all its bytes in one wire form. Arguments: bytes of payload, the form, how the payload is written.
void BM_encode(benchmark::State& state) {
  const std::string payload(static_cast<std::size_t>(state.range(0)), 'x');
  const auto wire = static_cast<codec::Wire>(state.range(1));
  for (auto _ : state) {
    codec::NewMessage message = codec::new_message();
    message->topic = "news";
    message->payload = payload;
    message->id = 12345;
    message->codec = static_cast<codec::PayloadCodec>(state.range(2));
    benchmark::DoNotOptimize(message->form(wire).bytes());
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * state.range(0));
  state.SetLabel(std::string(codec::name_of(wire)) + " " +
                 std::string(codec::name_of(static_cast<codec::PayloadCodec>(state.range(2)))));
}
void forms(benchmark::internal::Benchmark* bench) {
  for (const std::int64_t bytes : {128, 64 * 1024}) {
    for (std::int64_t wire = 0; wire < 4; ++wire) bench->Args({bytes, wire, 0});
    for (std::int64_t wire = 0; wire < 2; ++wire) {
      for (std::int64_t payload_codec = 1; payload_codec < 4; ++payload_codec)
        bench->Args({bytes, wire, payload_codec});
    }
  }
}
BENCHMARK(BM_encode)->Apply(forms);

void BM_read_client_frames(benchmark::State& state) {
  std::string bytes;
  while (bytes.size() < 16'000) bytes += std::string("\x8A\x84\x01\x02\x03\x04pong", 10);
  for (auto _ : state) {
    codec::ClientFrames frames;
    auto rest = std::as_bytes(std::span(bytes));
    while (frames.next(rest).kind != codec::ClientRequest::Kind::none) {}
    benchmark::DoNotOptimize(rest);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}
BENCHMARK(BM_read_client_frames);

}  // namespace
