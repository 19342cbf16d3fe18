#include "server/hub/topics.hpp"

#include <algorithm>

namespace fanlight::server::hub {
namespace {

std::unexpected<Error> too_many() {
  return fail(0, "as many topics as may be have subscribers", "try again later, or raise --max-topics");
}

}  // namespace

TopicPtr Topics::find(std::string_view name) {
  Shard& shard = shard_of(hash_of(name));
  const std::scoped_lock lock(shard.mutex);
  const auto found = shard.topics.find(name);
  return found == shard.topics.end() ? TopicPtr() : found->second;
}

Result<TopicPtr> Topics::obtain(std::string_view name, bool subscribing) {
  Shard& shard = shard_of(hash_of(name));
  const std::scoped_lock lock(shard.mutex);
  if (const auto found = shard.topics.find(name); found != shard.topics.end()) return found->second;
  if (subscribing && active_.load() >= max_topics_) return too_many();
  if (remembered_.load() >= 2 * max_topics_ && !make_room(shard)) return too_many();
  TopicPtr topic(new Topic(name, policies_.of(name), floor_.load()));
  shard.topics.emplace(std::string(name), topic);
  ++remembered_;
  return topic;
}

Result<> Topics::enter(Topic& topic) {
  if (topic.subscribers.load() == 0) {
    std::size_t active = active_.load();
    do {
      if (active >= max_topics_) return too_many();
    } while (!active_.compare_exchange_weak(active, active + 1));
  }
  ++topic.subscribers;
  return {};
}

void Topics::leave(Topic& topic) {
  if (--topic.subscribers == 0) --active_;
}

void Topics::tidy(const TopicPtr& topic) {
  if (topic->subscribers.load() > 0) return;
  Shard& shard = shard_of(topic->hash);
  const std::scoped_lock lock(shard.mutex);
  forget(shard, topic, false);
}

bool Topics::forget(Shard& shard, const TopicPtr& topic, bool also_history) {
  const std::scoped_lock lock(topic->publishing);
  if (topic->forgotten || topic->subscribers.load() > 0) return false;
  if (!also_history && topic->history.size() > 0) return false;
  topic->forgotten = true;
  std::uint64_t floor = floor_.load();
  while (floor < topic->last_id && !floor_.compare_exchange_weak(floor, topic->last_id)) {}
  shard.topics.erase(topic->name);
  --remembered_;
  return true;
}

bool Topics::make_room(Shard& shard) {
  for (auto& [name, topic] : shard.topics) {
    if (topic->subscribers.load() > 0) continue;
    const TopicPtr held = topic;  // the table's own reference goes
    if (forget(shard, held, true)) return true;
  }
  return false;
}

std::vector<TopicReading> Topics::reading(std::size_t most) const {
  std::vector<TopicPtr> topics;
  for (const Shard& shard : shards_) {
    const std::scoped_lock lock(shard.mutex);
    for (const auto& [name, topic] : shard.topics) topics.push_back(topic);
  }
  const auto middle = topics.begin() + static_cast<std::ptrdiff_t>(std::min(most, topics.size()));
  std::ranges::partial_sort(topics, middle, [](const TopicPtr& a, const TopicPtr& b) {
    return std::pair(b->subscribers.load(), std::string_view(a->name)) <
           std::pair(a->subscribers.load(), std::string_view(b->name));
  });
  topics.erase(middle, topics.end());
  std::vector<TopicReading> readings;
  for (const TopicPtr& topic : topics) {
    const std::scoped_lock lock(topic->publishing);
    readings.push_back({.name = topic->name,
                        .subscribers = topic->subscribers.load(),
                        .last_id = topic->last_id,
                        .history_messages = topic->history.size(),
                        .history_bytes = topic->history.bytes(),
                        .groups = topic->groups.size()});
  }
  return readings;
}

}  // namespace fanlight::server::hub
