// The point that every operation on a registry passes. In: what is done, and how long it took. Out: counters, a probe,
// a label of the thread meanwhile.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "collector/inprocess/map_op.h"
#include "core/clock.hpp"
#include "fanlight/events.h"
#include "fanlight/label.hpp"
#include "server/memory/ring.hpp"

namespace fanlight::server::hub {

inline constexpr std::size_t kMapOps = 3;
inline constexpr std::array<std::string_view, kMapOps> kMapOpNames = {"insert", "remove", "lookup"};
static_assert(FANLIGHT_MAP_OP_INSERT == 0 && FANLIGHT_MAP_OP_REMOVE == 1 && FANLIGHT_MAP_OP_LOOKUP == 2,
              "the counts are indexed by the operation");

/// What the operations on a registry cost since start, by kind.
struct RegistryReading {
  struct Operation {
    std::string_view name;
    std::uint64_t count = 0;
    std::uint64_t blocked = 0;  // of those, had to wait for a lock
    std::uint64_t wait_ns = 0;  // until the lock was held
    std::uint64_t hold_ns = 0;  // from then until just before its release; without a lock: the operation
  };
  std::string_view registry;
  std::array<Operation, kMapOps> operations;  // insert, remove, lookup
  std::size_t shards = 1;
};

/// Counts on stripes, one per thread as far as they go, so that counting adds no contention of its own. Threads: any.
class Operations {
 public:
  explicit Operations(const char* registry) : registry_(registry) {}

  /// One operation: `asked` before the lock, `held` with it, `done` before its release, all CLOCK_MONOTONIC. Call
  /// without the lock: a tracer takes half a microsecond.
  void passed(int operation, unsigned shard, std::uint64_t asked, std::uint64_t held, std::uint64_t done,
              bool blocked) {
    Count& count = stripes_[stripe()].counts[static_cast<std::size_t>(operation)];
    count.count.fetch_add(1, std::memory_order_relaxed);
    count.wait_ns.fetch_add(held - asked, std::memory_order_relaxed);
    count.hold_ns.fetch_add(done - held, std::memory_order_relaxed);
    if (blocked) count.blocked.fetch_add(1, std::memory_order_relaxed);
    const char* const registry = registry_;
    const std::uint64_t wait_ns = held - asked;
    const std::uint64_t hold_ns = done - held;
    FANLIGHT_EVENT(map_op, registry, shard, operation, wait_ns, hold_ns);
  }

  /// Takes `lock` (deferred), runs `body`, releases, reports.
  template <class Lock, class Body>
  void locked(int operation, unsigned shard, Lock&& lock, Body&& body) {
    const inprocess::Label label(label_key(), kMapOpNames[static_cast<std::size_t>(operation)]);
    const std::uint64_t asked = monotonic_ns();
    const bool blocked = !lock.try_lock();
    if (blocked) lock.lock();
    const std::uint64_t held = blocked ? monotonic_ns() : asked;
    body();
    const std::uint64_t done = monotonic_ns();
    lock.unlock();
    passed(operation, shard, asked, held, done, blocked);
  }

  /// The same without a lock.
  template <class Body>
  void free(int operation, unsigned shard, Body&& body) {
    const inprocess::Label label(label_key(), kMapOpNames[static_cast<std::size_t>(operation)]);
    const std::uint64_t asked = monotonic_ns();
    body();
    passed(operation, shard, asked, asked, monotonic_ns(), false);
  }

  RegistryReading reading() const {
    RegistryReading reading{.registry = registry_};
    for (std::size_t i = 0; i < kMapOps; ++i) {
      reading.operations[i].name = kMapOpNames[i];
      for (const Stripe& each : stripes_) {
        reading.operations[i].count += each.counts[i].count.load(std::memory_order_relaxed);
        reading.operations[i].blocked += each.counts[i].blocked.load(std::memory_order_relaxed);
        reading.operations[i].wait_ns += each.counts[i].wait_ns.load(std::memory_order_relaxed);
        reading.operations[i].hold_ns += each.counts[i].hold_ns.load(std::memory_order_relaxed);
      }
    }
    return reading;
  }

 private:
  static const inprocess::LabelKey& label_key() {
    static const inprocess::LabelKey key{"map_op"};
    return key;
  }
  struct Count {
    std::atomic<std::uint64_t> count = 0, blocked = 0, wait_ns = 0, hold_ns = 0;
  };
  struct alignas(memory::kCacheLine) Stripe {
    std::array<Count, kMapOps> counts;
  };
  static constexpr std::size_t kStripes = 16;
  static std::size_t stripe() {
    static std::atomic<std::size_t> next = 0;
    thread_local const std::size_t mine = next.fetch_add(1) % kStripes;
    return mine;
  }

  const char* const registry_;
  std::array<Stripe, kStripes> stripes_;
};

}  // namespace fanlight::server::hub
