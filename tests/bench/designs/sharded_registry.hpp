// Who is subscribed, in shards with a lock each. In: joins and leaves. Out: the subscribers of a topic, by worker.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/hub/registry/operations.hpp"
#include "server/hub/topic.hpp"
#include "tests/bench/designs/members.hpp"
#include "tests/bench/designs/shard_count.hpp"

namespace fanlight::server::hub::designs {

/// A topic's shard is its hash modulo the number of shards, which may change while it is used. Threads: any.
class ShardedRegistry {
 public:
  static constexpr const char* kName = "sharded";
  static constexpr unsigned kMostShards = 64;

  /// `shards`: 1 to 64; 0: as `adapt` finds best.
  ShardedRegistry(unsigned workers, unsigned shards)
      : workers_(workers), dynamic_(shards == 0), count_(std::clamp(shards == 0 ? 8u : shards, 1u, kMostShards)) {}

  void insert(Topic& topic, unsigned worker, SessionRef session) {
    with_shard(FANLIGHT_MAP_OP_INSERT, topic,
               [&](Table& topics) { topics.try_emplace(&topic, workers_).first->second.insert(worker, session); });
  }
  bool remove(Topic& topic, unsigned worker, SessionRef session) {
    bool removed = false;
    with_shard(FANLIGHT_MAP_OP_REMOVE, topic, [&](Table& topics) {
      const auto found = topics.find(&topic);
      if (found == topics.end()) return;
      removed = found->second.remove(worker, session);
      if (found->second.empty()) topics.erase(found);
    });
    return removed;
  }
  template <class Visit>
  void lookup(Topic& topic, Visit&& visit) {
    with_shard(FANLIGHT_MAP_OP_LOOKUP, topic, [&](Table& topics) {
      const auto found = topics.find(&topic);
      if (found != topics.end()) found->second.copy_to(visit);
    });
  }

  RegistryReading reading() const {
    RegistryReading reading = operations_.reading();
    reading.shards = count_.load();
    return reading;
  }

  /// Once per period, from one thread: follows load and latency when the number of shards is dynamic.
  void adapt(double qps, double p95_ms) {
    if (dynamic_) reshard(counter_.update(qps, p95_ms));
  }

  /// Moves every topic to its place among `shards`, 1 to 64. Cost: all locks, for O(topics).
  void reshard(unsigned shards) {
    shards = std::clamp(shards, 1u, kMostShards);
    if (shards == count_.load()) return;
    std::vector<std::unique_lock<std::mutex>> locks;
    for (Shard& shard : shards_) locks.emplace_back(shard.mutex);
    Table all;
    for (Shard& shard : shards_) all.merge(shard.topics);
    while (!all.empty()) {
      auto node = all.extract(all.begin());
      shards_[node.key()->hash % shards].topics.insert(std::move(node));
    }
    count_.store(shards);
  }

 private:
  using Table = std::unordered_map<const Topic*, Members>;
  struct alignas(memory::kCacheLine) Shard {
    std::mutex mutex;
    Table topics;
  };

  template <class Body>
  void with_shard(int operation, const Topic& topic, Body&& body) {
    for (bool done = false; !done;) {
      const unsigned count = count_.load();
      const unsigned index = topic.hash % count;
      Shard& shard = shards_[index];
      operations_.locked(operation, index, std::unique_lock(shard.mutex, std::defer_lock), [&] {
        if (count_.load() != count) return;  // the shards have been dealt anew while we waited
        body(shard.topics);
        done = true;
      });
    }
  }

  const unsigned workers_;
  const bool dynamic_;
  std::atomic<unsigned> count_;
  ShardCounter counter_;
  std::array<Shard, kMostShards> shards_;
  Operations operations_{kName};
};

}  // namespace fanlight::server::hub::designs
