// Registries, queues and dispatchers on their own: threads by how many of their operations are looks. Unit: operations
// per second; p99 and the share that had to wait beside it. `--benchmark_filter=Starvation`: what a reader-preferring
// lock does to those who join. What wins no row here or in `publish` is not in `fanlight-server`.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.hpp"
#include "core/histogram.hpp"
#include "server/hub/inbox.hpp"
#include "tests/bench/designs/all_designs.hpp"

namespace {

using namespace fanlight::server;
using fanlight::KernelHistogram;
using fanlight::monotonic_ns;

constexpr unsigned kWorkers = 4;
constexpr std::size_t kTopics = 256;
constexpr std::uint32_t kSubscribers = 16;  // per topic and worker

struct Field {
  std::unique_ptr<hub::AnyRegistry> registry;
  std::vector<hub::TopicPtr> topics;
};
std::unique_ptr<Field> field;

/// `range(0)`: the registry; `range(1)`: looks of 100 operations, the others are a join and its leave. Each thread is
/// one worker, and joins for itself.
void BM_registry(benchmark::State& state) {
  const auto kind = static_cast<hub::RegistryKind>(state.range(0));
  const auto me = static_cast<unsigned>(state.thread_index());
  if (me == 0) {
    field = std::make_unique<Field>(Field{.registry = hub::designs::all_designs()[kind](kWorkers, 61), .topics = {}});
    for (std::size_t i = 0; i < kTopics; ++i)
      field->topics.push_back(hub::TopicPtr(new hub::Topic("topic-" + std::to_string(i), {}, 0)));
    for (const hub::TopicPtr& topic : field->topics) {
      for (unsigned worker = 0; worker < kWorkers; ++worker) {
        for (std::uint32_t slot = 0; slot < kSubscribers; ++slot)
          field->registry->insert(*topic, worker, {.slot = slot});
      }
    }
  }
  KernelHistogram times;
  std::uint64_t random = 88172645463325252u + me, step = 0;
  for (auto _ : state) {
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    hub::Topic& topic = *field->topics[random % kTopics];
    const bool timed = ++step % 16 == 0;
    const std::uint64_t begin = timed ? monotonic_ns() : 0;
    hub::AnyRegistry& registry = *field->registry;
    if (static_cast<std::int64_t>(random >> 32) % 100 < state.range(1)) {
      std::size_t seen = 0;
      registry.lookup(topic, [&](unsigned, const hub::SessionListPtr& list) { seen += list ? 1 : 0; });
      if (hub::PerCoreRegistry* own = registry.per_core()) seen += own->local(me, topic).size();
      benchmark::DoNotOptimize(seen);
    } else {
      registry.insert(topic, me, {.slot = 1000});
      registry.remove(topic, me, {.slot = 1000});
    }
    if (timed) times.add(monotonic_ns() - begin);
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["p99_ns"] =
      benchmark::Counter(static_cast<double>(times.percentile(0.99)), benchmark::Counter::kAvgThreads);
  if (me == 0) {
    const hub::RegistryReading reading = field->registry->reading();
    double blocked = 0, all = 0;
    for (const auto& operation : reading.operations) {
      blocked += static_cast<double>(operation.blocked);
      all += static_cast<double>(operation.count);
    }
    state.counters["blocked_percent"] = 100 * blocked / std::max(all, 1.0);
    state.SetLabel(std::string(hub::kRegistryNames[static_cast<std::size_t>(kind)]));
    field.reset();
  }
}
BENCHMARK(BM_registry)
    ->ArgsProduct({{0, 1, 2, 3, 4, 5}, {50, 90, 99}})
    ->Threads(1)
    ->Threads(2)
    ->Threads(4)
    ->UseRealTime();

/// `range(1)` publishers look without a pause for a second, and a thousand joins a second come, on the clock whether
/// the last one is done or not: the same load for every registry. A lock that prefers readers never has a gap then; the
/// joins that wait pile up behind it. Unit: milliseconds from when a join was due until it was done, at the longest.
void BM_Starvation(benchmark::State& state) {
  constexpr std::uint64_t kSecond = 1'000'000'000, kEvery = 1'000'000;
  const auto kind = static_cast<hub::RegistryKind>(state.range(0));
  for (auto _ : state) {
    const auto registry = hub::designs::all_designs()[kind](kWorkers, 0);
    const hub::TopicPtr topic(new hub::Topic("t", {}, 0));
    for (std::uint32_t slot = 0; slot < 5000; ++slot) registry->insert(*topic, 0, {.slot = slot});
    std::atomic<std::uint64_t> looks = 0;
    std::vector<std::thread> publishers;
    const std::uint64_t begin = monotonic_ns(), end = begin + kSecond;
    for (std::int64_t i = 0; i < state.range(1); ++i) {
      publishers.emplace_back([&] {
        for (; monotonic_ns() < end; looks.fetch_add(1, std::memory_order_relaxed))
          registry->lookup(*topic, [](unsigned, const hub::SessionListPtr& list) { benchmark::DoNotOptimize(list); });
      });
    }
    std::uint64_t longest = 0, joins = 0;
    for (std::uint64_t due = begin; due < end && monotonic_ns() < end; due += kEvery, ++joins) {
      for (std::uint64_t now; (now = monotonic_ns()) < due;)
        std::this_thread::sleep_for(std::chrono::nanoseconds(due - now));
      registry->insert(*topic, 0, {.slot = static_cast<std::uint32_t>(10'000 + joins)});
      longest = std::max(longest, monotonic_ns() - due);
    }
    for (std::thread& publisher : publishers) publisher.join();
    state.counters["longest_wait_ms"] = static_cast<double>(longest) / 1e6;
    state.counters["joins_left_waiting"] = static_cast<double>(kSecond / kEvery - joins);
    state.counters["looks_per_second"] = static_cast<double>(looks.load());
  }
  state.SetLabel(std::string(hub::kRegistryNames[static_cast<std::size_t>(kind)]));
}
BENCHMARK(BM_Starvation)->ArgsProduct({{0, 1, 4, 5}, {4, 16, 50}})->Iterations(1)->Unit(benchmark::kMillisecond);

std::unique_ptr<hub::Inbox> inbox;

/// Publishers on all threads but the first, which takes. Unit: messages per second.
void BM_queue(benchmark::State& state) {
  if (state.thread_index() == 0)
    inbox = std::make_unique<hub::Inbox>(static_cast<hub::QueueKind>(state.range(0)), 4096);
  codec::NewMessage shared = codec::new_message();
  std::vector<hub::Delivery> batch;
  const hub::TopicPtr topic(new hub::Topic("t", {}, 0));
  std::int64_t items = 0;
  for (auto _ : state) {
    if (state.threads() > 1 && state.thread_index() == 0) {
      batch.clear();
      inbox->take(batch);
      items += static_cast<std::int64_t>(batch.size());
    } else {
      inbox->push({.message = shared, .topic = topic});
      if (state.threads() == 1 && ++items % 64 == 0) {
        batch.clear();
        inbox->take(batch);
      }
    }
  }
  state.SetItemsProcessed(items);
  if (state.thread_index() == 0) {
    state.SetLabel(std::string(hub::kQueueNames[static_cast<std::size_t>(state.range(0))]));
    inbox.reset();
  }
}
BENCHMARK(BM_queue)->Arg(0)->Arg(1)->Threads(1)->Threads(2)->Threads(4)->UseRealTime();

/// Cursors on lines of their own against cursors on one.
template <bool Padded>
void BM_ring(benchmark::State& state) {
  static memory::Ring<std::uint64_t, Padded> ring(1024);
  std::uint64_t value = 0, items = 0;
  for (auto _ : state) {
    if (state.thread_index() % 2 == 0)
      items += ring.try_push(value) ? 1 : 0;
    else
      items += ring.try_pop(value) ? 1 : 0;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(items));
}
BENCHMARK(BM_ring<true>)->Threads(2)->Threads(4)->UseRealTime();
BENCHMARK(BM_ring<false>)->Threads(2)->Threads(4)->UseRealTime();

/// 1000 jobs of about 2 us each, from one caller until all are done. Unit: jobs per second.
void BM_dispatch(benchmark::State& state) {
  const auto kind = static_cast<hub::DispatchKind>(state.range(0));
  const auto dispatcher = hub::designs::all_designs()[kind]();
  for (auto _ : state) {
    std::atomic<int> left = 1000;
    for (int i = 0; i < 1000; ++i) {
      dispatcher->run([&left] {
        for (const std::uint64_t until = monotonic_ns() + 2000; monotonic_ns() < until;) {}
        --left;
      });
    }
    while (left > 0) std::this_thread::yield();
  }
  state.SetItemsProcessed(state.iterations() * 1000);
  state.SetLabel(std::string(hub::kDispatchNames[static_cast<std::size_t>(kind)]));
}
BENCHMARK(BM_dispatch)->DenseRange(0, 3)->UseRealTime();

}  // namespace
