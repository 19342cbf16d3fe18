// Names that are known not to exist. In: names, times. Out: whether one was found missing lately.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace fanlight::server::limits {

/// Remembers up to `capacity` names for `ttl_ns` each; the oldest goes first. Threads: one at a time. Cost: O(1).
class NegativeCache {
 public:
  NegativeCache(std::size_t capacity, std::uint64_t ttl_ns) : capacity_(capacity), ttl_ns_(ttl_ns) {}

  bool contains(std::string_view name, std::uint64_t now_ns) {
    expire(now_ns);
    const bool found = until_.contains(std::string(name));
    hits_ += found ? 1 : 0;
    return found;
  }
  void add(std::string_view name, std::uint64_t now_ns) {
    expire(now_ns);
    if (!until_.emplace(std::string(name), now_ns + ttl_ns_).second) return;
    order_.emplace_back(now_ns + ttl_ns_, std::string(name));
    if (order_.size() > capacity_) drop_oldest();
  }
  /// It exists after all.
  void remove(std::string_view name) { until_.erase(std::string(name)); }
  std::size_t size() const { return until_.size(); }
  std::uint64_t hits() const { return hits_; }

 private:
  void drop_oldest() {
    const auto found = until_.find(order_.front().second);
    if (found != until_.end() && found->second == order_.front().first) until_.erase(found);
    order_.pop_front();
  }
  void expire(std::uint64_t now_ns) {
    while (!order_.empty() && order_.front().first <= now_ns) drop_oldest();
  }

  const std::size_t capacity_;
  const std::uint64_t ttl_ns_;
  std::unordered_map<std::string, std::uint64_t> until_;
  std::deque<std::pair<std::uint64_t, std::string>> order_;
  std::uint64_t hits_ = 0;
};

}  // namespace fanlight::server::limits
