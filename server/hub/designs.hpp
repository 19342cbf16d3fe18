// The designs that a program holds. In: a kind. Out: a registry or a dispatcher of it.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "server/hub/dispatch.hpp"
#include "server/hub/registry/registry.hpp"

namespace fanlight::server::hub {

/// Null: that kind is not in this program. `fanlight-server` holds those that win a row of `scripts/bench hub` or
/// `scripts/bench publish`; `fanlight-server-lab` holds all (tests/bench/designs).
struct Designs {
  using MakeRegistry = std::unique_ptr<AnyRegistry> (*)(unsigned workers, unsigned shards);
  using MakeDispatch = std::unique_ptr<AnyDispatch> (*)();
  std::array<MakeRegistry, kRegistryNames.size()> registries{};
  std::array<MakeDispatch, kDispatchNames.size()> dispatchers{};

  MakeRegistry operator[](RegistryKind kind) const { return registries[static_cast<std::size_t>(kind)]; }
  MakeDispatch operator[](DispatchKind kind) const { return dispatchers[static_cast<std::size_t>(kind)]; }
};

/// The winners: per-core; inline and steal.
const Designs& hot_designs();

}  // namespace fanlight::server::hub
