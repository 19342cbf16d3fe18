// Who is subscribed, each worker for itself. In: joins and leaves of a worker's own sessions. Out: the workers that a
// message has to reach; there, the sessions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/hub/registry/operations.hpp"
#include "server/hub/topic.hpp"

namespace fanlight::server::hub {

/// A subscriber and the id after which it wants messages: what was published before it joined may still be on its way.
struct LocalMember {
  SessionRef session;
  std::uint64_t since = 0;
};

/// Shared-nothing: a publisher reads one word per topic, 8 bytes say which workers have subscribers, and each worker
/// looks into a table that nobody else touches. Threads: `insert`, `remove`, `local` that worker's only; `lookup` any.
class PerCoreRegistry {
 public:
  static constexpr const char* kName = "per-core";
  static constexpr unsigned kMostWorkers = 64;
  explicit PerCoreRegistry(unsigned workers) : tables_(workers) {}

  void insert(Topic& topic, unsigned worker, SessionRef session) {
    operations_.free(FANLIGHT_MAP_OP_INSERT, worker, [&] {
      auto& members = tables_[worker].topics[&topic];
      members.insert(place_of(members, session), {.session = session, .since = topic.last_id});
      if (members.size() == 1) topic.workers.fetch_or(bit(worker));
    });
  }
  bool remove(Topic& topic, unsigned worker, SessionRef session) {
    bool removed = false;
    operations_.free(FANLIGHT_MAP_OP_REMOVE, worker, [&] {
      const auto found = tables_[worker].topics.find(&topic);
      if (found == tables_[worker].topics.end()) return;
      auto& members = found->second;
      const auto place = place_of(members, session);
      if (place == members.end() || !(place->session == session)) return;
      members.erase(place);
      removed = true;
      if (!members.empty()) return;
      topic.workers.fetch_and(~bit(worker));
      tables_[worker].topics.erase(found);
    });
    return removed;
  }
  /// Calls `visit(worker, null)`: the worker knows the rest.
  template <class Visit>
  void lookup(Topic& topic, Visit&& visit) {
    for (std::uint64_t left = topic.workers.load(); left != 0; left &= left - 1)
      visit(static_cast<unsigned>(std::countr_zero(left)), SessionListPtr());
  }
  /// The worker's own subscribers, in the order of their slots. Valid until the next join or leave.
  std::span<const LocalMember> local(unsigned worker, const Topic& topic) {
    std::span<const LocalMember> members;
    operations_.free(FANLIGHT_MAP_OP_LOOKUP, worker, [&] {
      const auto found = tables_[worker].topics.find(&topic);
      if (found != tables_[worker].topics.end()) members = found->second;
    });
    return members;
  }
  RegistryReading reading() const {
    RegistryReading reading = operations_.reading();
    reading.shards = tables_.size();
    return reading;
  }

 private:
  struct alignas(memory::kCacheLine) Table {
    std::unordered_map<const Topic*, std::vector<LocalMember>> topics;
  };
  static std::uint64_t bit(unsigned worker) { return std::uint64_t{1} << worker; }
  static std::vector<LocalMember>::iterator place_of(std::vector<LocalMember>& members, SessionRef session) {
    return std::ranges::lower_bound(members, session.slot, {},
                                    [](const LocalMember& member) { return member.session.slot; });
  }

  std::vector<Table> tables_;
  Operations operations_{kName};
};

}  // namespace fanlight::server::hub
