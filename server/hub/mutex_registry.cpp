#include "server/hub/mutex_registry.hpp"

#include <algorithm>

namespace fanlight::server::hub {

static_assert(FANLIGHT_MAP_OP_INSERT == 0 && FANLIGHT_MAP_OP_REMOVE == 1 && FANLIGHT_MAP_OP_LOOKUP == 2,
              "the counts are indexed by the operation");

Result<> MutexRegistry::insert(std::string_view topic, unsigned worker, codec::Wire wire, SessionRef session) {
  bool full = false;
  timed(FANLIGHT_MAP_OP_INSERT, [&] {
    auto found = topics_.find(topic);
    if (found == topics_.end()) {
      full = topics_.size() >= max_topics_;
      if (full) return;
      Subscribers fresh;
      fresh.groups_.resize(std::size_t{workers_} * codec::kWires);
      fresh.last_id_ = floor_;
      found = topics_.emplace(std::string(topic), std::move(fresh)).first;
    }
    found->second.groups_[worker * codec::kWires + index_of(wire)].push_back(session);
    ++found->second.count_;
    by_wire_[index_of(wire)].fetch_add(1, std::memory_order_relaxed);
  });
  if (full) return fail(0, "as many topics as may be have subscribers", "try again later, or raise --max-topics");
  return {};
}

bool MutexRegistry::remove(std::string_view topic, unsigned worker, codec::Wire wire, SessionRef session) {
  bool removed = false;
  timed(FANLIGHT_MAP_OP_REMOVE, [&] {
    const auto found = topics_.find(topic);
    if (found == topics_.end()) return;
    auto& group = found->second.groups_[worker * codec::kWires + index_of(wire)];
    const auto place = std::ranges::find(group, session);
    if (place == group.end()) return;
    *place = group.back();
    group.pop_back();
    removed = true;
    by_wire_[index_of(wire)].fetch_sub(1, std::memory_order_relaxed);
    if (--found->second.count_ > 0) return;
    floor_ = std::max(floor_, found->second.last_id_);
    topics_.erase(found);
  });
  return removed;
}

RegistryReading MutexRegistry::reading() const {
  const std::scoped_lock lock(mutex_);
  return {.operations = counts_, .topics = topics_.size()};
}

}  // namespace fanlight::server::hub
