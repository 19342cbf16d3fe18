// Who is subscribed, behind one lock. In: joins and leaves. Out: the subscribers of a topic, by worker.
#pragma once

#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "server/hub/registry/operations.hpp"
#include "server/hub/topic.hpp"
#include "tests/bench/designs/members.hpp"

namespace fanlight::server::hub::designs {

/// One table under one lock, held while the subscribers are copied out. `ReadLock` is what a look takes.
template <class Mutex, class ReadLock>
class LockedRegistry {
 public:
  LockedRegistry(const char* name, unsigned workers) : workers_(workers), operations_(name) {}

  void insert(Topic& topic, unsigned worker, SessionRef session) {
    operations_.locked(FANLIGHT_MAP_OP_INSERT, 0, std::unique_lock(mutex_, std::defer_lock),
                       [&] { topics_.try_emplace(&topic, workers_).first->second.insert(worker, session); });
  }
  bool remove(Topic& topic, unsigned worker, SessionRef session) {
    bool removed = false;
    operations_.locked(FANLIGHT_MAP_OP_REMOVE, 0, std::unique_lock(mutex_, std::defer_lock), [&] {
      const auto found = topics_.find(&topic);
      if (found == topics_.end()) return;
      removed = found->second.remove(worker, session);
      if (found->second.empty()) topics_.erase(found);
    });
    return removed;
  }
  template <class Visit>
  void lookup(Topic& topic, Visit&& visit) {
    operations_.locked(FANLIGHT_MAP_OP_LOOKUP, 0, ReadLock(mutex_, std::defer_lock), [&] {
      const auto found = topics_.find(&topic);
      if (found != topics_.end()) found->second.copy_to(visit);
    });
  }
  RegistryReading reading() const { return operations_.reading(); }

 private:
  const unsigned workers_;
  Mutex mutex_;
  std::unordered_map<const Topic*, Members> topics_;
  Operations operations_;
};

/// The simplest: everybody waits for everybody.
class MutexRegistry : public LockedRegistry<std::mutex, std::unique_lock<std::mutex>> {
 public:
  static constexpr const char* kName = "mutex";
  explicit MutexRegistry(unsigned workers) : LockedRegistry(kName, workers) {}
};

/// Lookups share the lock. glibc's prefers readers: while they overlap without a gap, a join waits for ever
/// (`scripts/bench hub -- --benchmark_filter=Starvation` shows it).
class RwlockRegistry : public LockedRegistry<std::shared_mutex, std::shared_lock<std::shared_mutex>> {
 public:
  static constexpr const char* kName = "rwlock";
  explicit RwlockRegistry(unsigned workers) : LockedRegistry(kName, workers) {}
};

}  // namespace fanlight::server::hub::designs
