// The table of topics. In: names. Out: topics that exist while somebody subscribes or something is remembered.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/error.hpp"
#include "server/hub/topic.hpp"
#include "server/memory/ring.hpp"

namespace fanlight::server::hub {

struct TopicReading {
  std::string name;
  std::uint32_t subscribers = 0;
  std::uint64_t last_id = 0;
  std::size_t history_messages = 0;
  std::size_t history_bytes = 0;
  std::size_t groups = 0;
};

/// Names to topics in 64 shards, a lock each, held for one look. At most `max_topics` have subscribers, and as many
/// again are only remembered. Ids grow within a topic; one that was forgotten goes on above every id that any forgotten
/// topic ever reached. Threads: any.
class Topics {
 public:
  Topics(TopicPolicies policies, std::size_t max_topics) : policies_(std::move(policies)), max_topics_(max_topics) {}

  /// Null when it is not there.
  TopicPtr find(std::string_view name);
  /// Made when it is not there. `subscribing`: counts against the bound. Errors: as many topics as may be.
  Result<TopicPtr> obtain(std::string_view name, bool subscribing);
  /// Adds one subscriber. Errors: as many topics as may be have subscribers. Under `topic.publishing`.
  Result<> enter(Topic& topic);
  /// Takes one away. Under `topic.publishing`; then call `tidy` without it.
  void leave(Topic& topic);
  /// Forgets the topic when nobody is there and nothing is remembered.
  void tidy(const TopicPtr& topic);

  /// An id above all that forgotten topics have given, for a message that nobody gets.
  std::uint64_t nobody_id() { return floor_.fetch_add(1) + 1; }
  /// Topics that have subscribers.
  std::size_t active() const { return active_.load(std::memory_order_relaxed); }
  std::size_t remembered() const { return remembered_.load(std::memory_order_relaxed); }
  /// The largest ones first, `most` at most. Cost: O(topics).
  std::vector<TopicReading> reading(std::size_t most) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return hash_of(text); }
  };
  struct alignas(memory::kCacheLine) Shard {
    mutable std::mutex mutex;
    std::unordered_map<std::string, TopicPtr, Hash, std::equal_to<>> topics;
  };
  Shard& shard_of(std::uint32_t hash) { return shards_[hash % shards_.size()]; }
  bool forget(Shard& shard, const TopicPtr& topic, bool also_history);
  bool make_room(Shard& shard);

  const TopicPolicies policies_;
  const std::size_t max_topics_;
  std::array<Shard, 64> shards_;
  std::atomic<std::size_t> active_ = 0;
  std::atomic<std::size_t> remembered_ = 0;  // all in the table
  std::atomic<std::uint64_t> floor_ = 0;
};

}  // namespace fanlight::server::hub
