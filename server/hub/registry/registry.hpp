// Who is subscribed to what: interchangeable designs behind one concept, one of them chosen at start.
#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>

#include "server/hub/registry/locked_registry.hpp"
#include "server/hub/registry/per_core_registry.hpp"
#include "server/hub/registry/readmostly_registry.hpp"
#include "server/hub/registry/sharded_registry.hpp"
#include "server/hub/registry/snapshot_registry.hpp"

namespace fanlight::server::hub {

/// `lookup` calls its visitor once per worker that has subscribers: with their list, or with null when the worker knows
/// them itself. Joins and leaves of a topic are ordered by its publishing lock. Every operation passes `Operations`.
template <class R>
concept Registry = requires(R registry, const R& constant, Topic& topic, unsigned worker, SessionRef session,
                            void (*visit)(unsigned, SessionListPtr)) {
  registry.insert(topic, worker, session);
  { registry.remove(topic, worker, session) } -> std::same_as<bool>;
  registry.lookup(topic, visit);
  { constant.reading() } -> std::same_as<RegistryReading>;
};
static_assert(Registry<MutexRegistry> && Registry<RwlockRegistry> && Registry<ReadmostlyRegistry> &&
              Registry<ShardedRegistry> && Registry<SnapshotRegistry> && Registry<PerCoreRegistry>);

enum class RegistryKind : std::uint8_t { mutex, rwlock, readmostly, sharded, snapshot, per_core };
inline constexpr std::array<std::string_view, 6> kRegistryNames = {"mutex",   "rwlock",   "readmostly",
                                                                   "sharded", "snapshot", "per-core"};

/// One of them. Pointers, because they hold locks and must not move.
using AnyRegistry =
    std::variant<std::unique_ptr<MutexRegistry>, std::unique_ptr<RwlockRegistry>, std::unique_ptr<ReadmostlyRegistry>,
                 std::unique_ptr<ShardedRegistry>, std::unique_ptr<SnapshotRegistry>, std::unique_ptr<PerCoreRegistry>>;

/// `shards`: of the sharded one, 0: dynamic.
inline AnyRegistry make_registry(RegistryKind kind, unsigned workers, unsigned shards) {
  switch (kind) {
    case RegistryKind::mutex: return std::make_unique<MutexRegistry>(workers);
    case RegistryKind::rwlock: return std::make_unique<RwlockRegistry>(workers);
    case RegistryKind::readmostly: return std::make_unique<ReadmostlyRegistry>(workers);
    case RegistryKind::sharded: return std::make_unique<ShardedRegistry>(workers, shards);
    case RegistryKind::snapshot: return std::make_unique<SnapshotRegistry>(workers);
    case RegistryKind::per_core: break;
  }
  return std::make_unique<PerCoreRegistry>(workers);
}

}  // namespace fanlight::server::hub
