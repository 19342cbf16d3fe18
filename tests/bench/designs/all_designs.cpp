#include "tests/bench/designs/all_designs.hpp"

#include "tests/bench/designs/locked_registry.hpp"
#include "tests/bench/designs/pool_dispatch.hpp"
#include "tests/bench/designs/readmostly_registry.hpp"
#include "tests/bench/designs/sharded_registry.hpp"
#include "tests/bench/designs/snapshot_registry.hpp"
#include "tests/bench/designs/task_dispatch.hpp"

namespace fanlight::server::hub::designs {
namespace {

template <class R>
std::unique_ptr<AnyRegistry> make(unsigned workers, unsigned shards) {
  if constexpr (std::is_constructible_v<R, unsigned, unsigned>)
    return std::make_unique<HeldRegistry<R>>(workers, shards);
  else
    return std::make_unique<HeldRegistry<R>>(workers);
}

template <class D>
std::unique_ptr<AnyDispatch> make_dispatch() {
  return std::make_unique<D>();
}

}  // namespace

const Designs& all_designs() {
  static const Designs designs = [] {
    Designs all = hot_designs();
    const auto registry = [&](RegistryKind kind) -> auto& { return all.registries[static_cast<std::size_t>(kind)]; };
    registry(RegistryKind::mutex) = make<MutexRegistry>;
    registry(RegistryKind::rwlock) = make<RwlockRegistry>;
    registry(RegistryKind::readmostly) = make<ReadmostlyRegistry>;
    registry(RegistryKind::sharded) = make<ShardedRegistry>;
    registry(RegistryKind::snapshot) = make<SnapshotRegistry>;
    all.dispatchers[static_cast<std::size_t>(DispatchKind::task)] = make_dispatch<TaskDispatch>;
    all.dispatchers[static_cast<std::size_t>(DispatchKind::pool)] = make_dispatch<PoolDispatch>;
    return all;
  }();
  return designs;
}

}  // namespace fanlight::server::hub::designs
