// Who is subscribed to what, behind one mutex. In: joins and leaves. Out: the subscribers of a topic, by worker and
// wire.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "collector/inprocess/map_op.h"
#include "core/clock.hpp"
#include "core/error.hpp"
#include "server/codec/frame.hpp"
#include "server/hub/subscriber.hpp"

namespace fanlight::server::hub {

/// What the operations on a registry cost since start, by kind.
struct RegistryReading {
  struct Operation {
    std::string_view name;
    std::uint64_t count = 0;
    std::uint64_t wait_ns = 0;  // until the lock was held
    std::uint64_t hold_ns = 0;  // from then until just before its release
  };
  std::array<Operation, 3> operations;  // insert, remove, lookup
  std::size_t topics = 0;
};

/// The simplest registry: one lock for all topics, held while a publisher walks the subscribers. Threads: any. Every
/// operation is timed and passes FANLIGHT_MAP_OP("mutex", 0, ...).
class MutexRegistry {
 public:
  static constexpr const char* kName = "mutex";

  /// The subscribers of one topic, grouped as publishing needs them. Valid inside the visit only.
  class Subscribers {
   public:
    std::span<const SessionRef> of(unsigned worker, codec::Wire wire) const {
      return groups_.empty() ? std::span<const SessionRef>{} : groups_[worker * codec::kWires + index_of(wire)];
    }

   private:
    friend class MutexRegistry;
    std::vector<std::vector<SessionRef>> groups_;  // by worker, then wire; empty: nobody
    std::size_t count_ = 0;
    std::uint64_t last_id_ = 0;
  };

  MutexRegistry(unsigned workers, std::size_t max_topics) : workers_(workers), max_topics_(max_topics) {}

  /// Errors: as many topics have subscribers as may have. Cost: O(1).
  Result<> insert(std::string_view topic, unsigned worker, codec::Wire wire, SessionRef session);
  /// False when it was not there. Cost: O(subscribers of the topic on that worker and wire).
  bool remove(std::string_view topic, unsigned worker, codec::Wire wire, SessionRef session);

  /// Gives the topic's next message its id and calls `visit(id, const Subscribers&)` under the lock, so that what
  /// visits leave in queues is there in the order of the ids. Ids grow within a topic and are dense while it has
  /// subscribers; a topic that nobody listens to is not remembered, and goes on above every id that a forgotten topic
  /// ever reached.
  template <class Visit>
  void lookup(std::string_view topic, Visit&& visit) {
    timed(FANLIGHT_MAP_OP_LOOKUP, [&] {
      const auto found = topics_.find(topic);
      if (found == topics_.end()) {
        visit(++floor_, std::as_const(nobody_));
      } else {
        visit(++found->second.last_id_, std::as_const(found->second));
      }
    });
  }

  /// Whether anyone is subscribed over that wire, to anything. A hint that can be outdated. Cost: one load, no lock.
  bool in_use(codec::Wire wire) const { return by_wire_[index_of(wire)].load(std::memory_order_relaxed) > 0; }
  RegistryReading reading() const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  /// The one point that every operation passes: takes the lock, measures, reports outside the lock.
  template <class Body>
  void timed(int operation, Body&& body) {
    const std::uint64_t asked = monotonic_ns();
    std::unique_lock lock(mutex_);
    const std::uint64_t held = monotonic_ns();
    body();
    const std::uint64_t done = monotonic_ns();
    auto& count = counts_[static_cast<std::size_t>(operation)];
    ++count.count;
    count.wait_ns += held - asked;
    count.hold_ns += done - held;
    lock.unlock();
    FANLIGHT_MAP_OP(kName, 0, operation, held - asked, done - held);
  }

  const unsigned workers_;
  const std::size_t max_topics_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Subscribers, Hash, std::equal_to<>> topics_;
  const Subscribers nobody_;
  std::uint64_t floor_ = 0;  // the highest id of any topic that is not in the table
  std::array<std::atomic<std::size_t>, codec::kWires> by_wire_{};
  std::array<RegistryReading::Operation, 3> counts_{{{.name = "insert"}, {.name = "remove"}, {.name = "lookup"}}};
};

}  // namespace fanlight::server::hub
