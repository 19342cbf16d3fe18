// Who is subscribed to what: interchangeable designs behind one concept, one of them chosen at start.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "server/hub/registry/per_core_registry.hpp"

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

enum class RegistryKind : std::uint8_t { mutex, rwlock, readmostly, sharded, snapshot, per_core };
inline constexpr std::array<std::string_view, 6> kRegistryNames = {"mutex",   "rwlock",   "readmostly",
                                                                   "sharded", "snapshot", "per-core"};

/// What a lookup calls. A view of the callable, which outlives the call; std::function would allocate.
class Visit {
 public:
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, Visit>)
  Visit(F&& visit)
      : visit_(const_cast<void*>(static_cast<const void*>(&visit))),
        call_([](void* at, unsigned worker, SessionListPtr sessions) {
          (*static_cast<std::remove_reference_t<F>*>(at))(worker, std::move(sessions));
        }) {}
  void operator()(unsigned worker, SessionListPtr sessions) const { call_(visit_, worker, std::move(sessions)); }

 private:
  void* visit_;
  void (*call_)(void*, unsigned, SessionListPtr);
};

/// A registry as the hub holds it: which ones there are is known when a program is linked (see designs.hpp).
class AnyRegistry {
 public:
  virtual ~AnyRegistry() = default;
  virtual void insert(Topic& topic, unsigned worker, SessionRef session) = 0;
  virtual bool remove(Topic& topic, unsigned worker, SessionRef session) = 0;
  virtual void lookup(Topic& topic, Visit visit) = 0;
  virtual RegistryReading reading() const = 0;
  /// Once a second, from one thread: lets it follow the load.
  virtual void adapt(double qps, double p95_ms) = 0;
  /// The registry itself, when it is that one: workers look into their own part of it.
  virtual PerCoreRegistry* per_core() = 0;
};

template <Registry R>
class HeldRegistry final : public AnyRegistry {
 public:
  template <class... Arguments>
  explicit HeldRegistry(Arguments... arguments) : registry_(arguments...) {}
  void insert(Topic& topic, unsigned worker, SessionRef session) override { registry_.insert(topic, worker, session); }
  bool remove(Topic& topic, unsigned worker, SessionRef session) override {
    return registry_.remove(topic, worker, session);
  }
  void lookup(Topic& topic, Visit visit) override { registry_.lookup(topic, visit); }
  RegistryReading reading() const override { return registry_.reading(); }
  void adapt(double qps, double p95_ms) override {
    if constexpr (requires { registry_.adapt(qps, p95_ms); }) registry_.adapt(qps, p95_ms);
  }
  PerCoreRegistry* per_core() override {
    if constexpr (std::is_same_v<R, PerCoreRegistry>) return &registry_;
    return nullptr;
  }

 private:
  R registry_;
};

}  // namespace fanlight::server::hub
