// Who is subscribed, as constant snapshots. In: joins and leaves. Out: the subscribers of a topic, by worker.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/hub/registry/operations.hpp"
#include "server/hub/topic.hpp"
#include "tests/bench/designs/published.hpp"

namespace fanlight::server::hub::designs {

/// Lookups take no lock and copy nothing: the lists they hand out are the registry's own. A join or leave copies its
/// bucket of topics and its worker's list, so that many joins to one large topic cost their square. Threads: any.
class SnapshotRegistry {
 public:
  static constexpr const char* kName = "snapshot";
  explicit SnapshotRegistry(unsigned workers) : workers_(workers) {
    for (auto& bucket : buckets_) bucket = std::make_unique<Published<Bucket>>(std::make_unique<const Bucket>());
  }

  void insert(Topic& topic, unsigned worker, SessionRef session) {
    operations_.free(FANLIGHT_MAP_OP_INSERT, 0, [&] {
      bucket_of(topic).update([&](const Bucket& old) {
        auto fresh = std::make_unique<Bucket>(old);
        auto& lists = fresh->try_emplace(&topic, workers_).first->second;
        auto list = copy_of(lists[worker], 1);
        list->sessions.insert(std::ranges::lower_bound(list->sessions, session.slot, {}, &SessionRef::slot), session);
        lists[worker] = std::move(list);
        return fresh;
      });
    });
  }
  bool remove(Topic& topic, unsigned worker, SessionRef session) {
    bool removed = false;
    operations_.free(FANLIGHT_MAP_OP_REMOVE, 0, [&] {
      bucket_of(topic).update([&](const Bucket& old) -> std::unique_ptr<const Bucket> {
        const auto found = old.find(&topic);
        if (found == old.end() || !found->second[worker]) return nullptr;
        const auto& sessions = found->second[worker]->sessions;
        const auto place = std::ranges::lower_bound(sessions, session.slot, {}, &SessionRef::slot);
        if (place == sessions.end() || !(*place == session)) return nullptr;
        removed = true;
        auto fresh = std::make_unique<Bucket>(old);
        auto& lists = fresh->find(&topic)->second;
        if (sessions.size() == 1) {
          lists[worker] = nullptr;
        } else {
          auto list = copy_of(lists[worker], 0);
          list->sessions.erase(list->sessions.begin() + (place - sessions.begin()));
          lists[worker] = std::move(list);
        }
        if (std::ranges::none_of(lists, [](const SessionListPtr& list) { return bool(list); })) fresh->erase(&topic);
        return fresh;
      });
    });
    return removed;
  }
  template <class Visit>
  void lookup(Topic& topic, Visit&& visit) {
    operations_.free(FANLIGHT_MAP_OP_LOOKUP, 0, [&] {
      bucket_of(topic).read([&](const Bucket& bucket) {
        const auto found = bucket.find(&topic);
        if (found == bucket.end()) return;
        for (unsigned worker = 0; worker < workers_; ++worker) {
          if (found->second[worker]) visit(worker, SessionListPtr(found->second[worker]));
        }
      });
    });
  }
  RegistryReading reading() const { return operations_.reading(); }

 private:
  using Bucket = std::unordered_map<const Topic*, std::vector<SessionListPtr>>;
  static constexpr std::size_t kBuckets = 256;

  Published<Bucket>& bucket_of(const Topic& topic) { return *buckets_[topic.hash % kBuckets]; }
  static boost::intrusive_ptr<SessionList> copy_of(const SessionListPtr& list, std::size_t more) {
    // Not from the pool: these live long.
    boost::intrusive_ptr<SessionList> copy(new SessionList());
    if (list) {
      copy->sessions.reserve(list->sessions.size() + more);
      copy->sessions = list->sessions;
    }
    return copy;
  }

  const unsigned workers_;
  std::array<std::unique_ptr<Published<Bucket>>, kBuckets> buckets_;
  Operations operations_{kName};
};

}  // namespace fanlight::server::hub::designs
