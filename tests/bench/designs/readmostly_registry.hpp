// Who is subscribed, for tables that are read far more often than topics appear. In: joins and leaves. Out: the
// subscribers of a topic, by worker.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "server/hub/registry/operations.hpp"
#include "server/hub/topic.hpp"
#include "tests/bench/designs/members.hpp"
#include "tests/bench/designs/published.hpp"

namespace fanlight::server::hub::designs {

/// Two tables: a constant one that is read without the table's lock, and a locked one with what has come since. Once
/// the locked one has been asked as often as it is large, it becomes the constant one. A topic's own subscribers have a
/// lock of their own. Threads: any. Source: the design of Go's sync.Map (go.dev/src/sync/map.go, 1.9 to 1.23).
class ReadmostlyRegistry {
 public:
  static constexpr const char* kName = "readmostly";
  explicit ReadmostlyRegistry(unsigned workers) : workers_(workers) {}

  void insert(Topic& topic, unsigned worker, SessionRef session) {
    for (bool done = false; !done;) {
      const EntryPtr entry = find_or_add(topic);
      operations_.locked(FANLIGHT_MAP_OP_INSERT, 0, std::unique_lock(entry->mutex, std::defer_lock), [&] {
        if (entry->dead) return;
        entry->members.insert(worker, session);
        done = true;
      });
    }
  }
  bool remove(Topic& topic, unsigned worker, SessionRef session) {
    const EntryPtr entry = find(topic);
    if (!entry) return false;
    bool removed = false;
    bool died = false;
    operations_.locked(FANLIGHT_MAP_OP_REMOVE, 0, std::unique_lock(entry->mutex, std::defer_lock), [&] {
      removed = entry->members.remove(worker, session);
      died = removed && entry->members.empty();
      entry->dead = entry->dead || died;
    });
    if (died) forget(topic, entry);
    return removed;
  }
  template <class Visit>
  void lookup(Topic& topic, Visit&& visit) {
    const EntryPtr entry = find(topic);
    if (!entry) return operations_.free(FANLIGHT_MAP_OP_LOOKUP, 0, [] {});
    operations_.locked(FANLIGHT_MAP_OP_LOOKUP, 0, std::unique_lock(entry->mutex, std::defer_lock),
                       [&] { entry->members.copy_to(visit); });
  }
  RegistryReading reading() const { return operations_.reading(); }

 private:
  struct Entry {
    explicit Entry(unsigned workers) : members(workers) {}
    std::mutex mutex;
    Members members;
    bool dead = false;  // out of the tables, or about to be
  };
  using EntryPtr = std::shared_ptr<Entry>;
  using Table = std::unordered_map<const Topic*, EntryPtr>;

  EntryPtr find_read(const Topic& topic) const {
    return read_.read([&](const Table& table) {
      const auto found = table.find(&topic);
      return found == table.end() ? EntryPtr() : found->second;
    });
  }
  EntryPtr find(const Topic& topic) {
    if (EntryPtr entry = find_read(topic)) return entry;
    if (!amended_.load()) return find_read(topic);  // again: the locked table may have become the constant one since
    const std::scoped_lock lock(mutex_);
    const auto found = dirty_.find(&topic);
    EntryPtr entry = found == dirty_.end() ? nullptr : found->second;
    if (++misses_ >= dirty_.size()) promote();
    return entry;
  }
  EntryPtr find_or_add(const Topic& topic) {
    if (EntryPtr entry = find(topic); entry && alive(*entry)) return entry;
    const std::scoped_lock lock(mutex_);
    EntryPtr& entry = dirty_[&topic];
    if (entry && alive(*entry)) return entry;
    entry = std::make_shared<Entry>(workers_);
    if (find_read(topic)) {
      promote();  // a dead entry in the constant table would hide this one
    } else {
      amended_.store(true);
    }
    return entry;
  }
  static bool alive(Entry& entry) {
    const std::scoped_lock lock(entry.mutex);
    return !entry.dead;
  }
  void forget(const Topic& topic, const EntryPtr& entry) {
    const std::scoped_lock lock(mutex_);
    const auto found = dirty_.find(&topic);
    if (found == dirty_.end() || found->second != entry) return;
    dirty_.erase(found);
    if (find_read(topic)) promote();
  }
  void promote() {
    read_.update([&](const Table&) { return std::make_unique<const Table>(dirty_); });
    misses_ = 0;
    amended_.store(false);
  }

  const unsigned workers_;
  Published<Table> read_{std::make_unique<const Table>()};
  std::atomic<bool> amended_ = false;  // `dirty_` has more than `read_`
  std::mutex mutex_;                   // of what follows
  Table dirty_;                        // all there is
  std::size_t misses_ = 0;
  Operations operations_{kName};
};

}  // namespace fanlight::server::hub::designs
