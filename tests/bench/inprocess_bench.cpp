// What instrumentation costs a target. In: nothing. Out: ns for a label, a span, an event, as their headers promise
// them.
#include <benchmark/benchmark.h>

#include <string>

#include "core/clock.hpp"
#include "fanlight/events.h"
#include "fanlight/label.hpp"

namespace {

using namespace fanlight::inprocess;

void BM_label_set_and_reset(benchmark::State& state) {
  static const LabelKey kTopic{"topic"};
  const std::string value(static_cast<std::size_t>(state.range(0)), 'v');
  for (auto _ : state) {
    const Label label{kTopic, value};
    benchmark::ClobberMemory();
  }
}
BENCHMARK(BM_label_set_and_reset)->Arg(8)->Arg(64)->Arg(255);

void BM_label_by_name_set_and_reset(benchmark::State& state) {
  const std::string value(8, 'v');
  for (auto _ : state) {
    const Label label{"topic", value};
    benchmark::ClobberMemory();
  }
}
BENCHMARK(BM_label_by_name_set_and_reset);

void BM_trace_set_and_reset(benchmark::State& state) {
  fanlight_trace trace{};
  trace.trace_id[0] = trace.span_id[0] = 1;
  for (auto _ : state) {
    const TraceScope scope(trace);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(BM_trace_set_and_reset);

void BM_labels_of_another(benchmark::State& state) {
  LabelSnapshot snapshot;
  {
    const Label topic{"topic", "some topic"};
    snapshot = LabelSnapshot::take();
  }
  for (auto _ : state) {
    const LabelsOf labels(snapshot);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(BM_labels_of_another);

void BM_span(benchmark::State& state) {
  if (state.range(0) != 0) fanlight_listen(1);
  for (auto _ : state) {
    FANLIGHT_SPAN("broadcast.encode");
    benchmark::ClobberMemory();
  }
  if (state.range(0) != 0) fanlight_listen(0);
}
BENCHMARK(BM_span)->ArgName("listening")->Arg(0)->Arg(1);

void BM_event(benchmark::State& state) {
  if (state.range(0) != 0) fanlight_listen(1);
  std::uint64_t wait_ns = 1, hold_ns = 2;
  for (auto _ : state) {
    FANLIGHT_EVENT(operation, 3, wait_ns, hold_ns);
    benchmark::ClobberMemory();
  }
  if (state.range(0) != 0) fanlight_listen(0);
}
BENCHMARK(BM_event)->ArgName("listening")->Arg(0)->Arg(1);

void BM_event_with_a_text(benchmark::State& state) {
  fanlight_listen(1);
  const char* registry = "mutex";
  for (auto _ : state) {
    FANLIGHT_EVENT(map_operation, registry, 3, 1, 2, 3);
    benchmark::ClobberMemory();
  }
  fanlight_listen(0);
}
BENCHMARK(BM_event_with_a_text);

void BM_empty_loop(benchmark::State& state) {
  for (auto _ : state) benchmark::ClobberMemory();
}
BENCHMARK(BM_empty_loop);

void BM_clock(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(fanlight::monotonic_ns());
}
BENCHMARK(BM_clock);

}  // namespace
