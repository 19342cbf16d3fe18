// A topic: its name, the order of its messages, what it remembers, who is there. In: names. Out: shared objects.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include "server/hub/group.hpp"
#include "server/hub/history.hpp"
#include "server/hub/policy.hpp"
#include "server/hub/slots.hpp"

namespace fanlight::server::hub {

inline constexpr std::size_t kMaxTopicBytes = 128;
inline constexpr std::string_view kTopicRule = "a topic is 1 to 128 of A-Z a-z 0-9 . _ -";

/// 1 to 128 characters of [A-Za-z0-9._-].
inline bool is_topic(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.size() <= kMaxTopicBytes && std::ranges::all_of(name, allowed);
}

/// Held by the table of topics, by its subscribers, and by messages under way.
class Topic {
 public:
  Topic(std::string_view name_in, const TopicPolicy& policy_in, std::uint64_t first_id)
      : name(name_in),
        hash(hash_of(name_in)),
        policy(policy_in),
        last_id(first_id),
        history(policy_in.history_messages, policy_in.history_bytes) {}

  const std::string name;
  const std::uint32_t hash;
  const TopicPolicy policy;

  /// Orders the topic: ids are given, history is written, queues are filled and subscribers come and go under it, so
  /// that what a subscriber is replayed and what it then gets meet without gap or overlap. Held for microseconds.
  std::mutex publishing;
  std::uint64_t last_id;
  History history;
  std::vector<Group> groups;
  bool forgotten = false;  // not in the table any more: look it up again

  /// Presence; written under `publishing`, read anywhere.
  std::atomic<std::uint32_t> subscribers = 0;
  /// A bit per worker that has subscribers, for registries that leave the rest to the worker.
  std::atomic<std::uint64_t> workers = 0;

  mutable std::atomic<std::uint32_t> references = 0;
};

inline void intrusive_ptr_add_ref(const Topic* topic) { topic->references.fetch_add(1, std::memory_order_relaxed); }
inline void intrusive_ptr_release(const Topic* topic) {
  if (topic->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete topic;
}
using TopicPtr = boost::intrusive_ptr<Topic>;

}  // namespace fanlight::server::hub
