// Other hosts' testers that hold a run's subscribers, seen from the coordinator. In: a plan. Out: everybody's tallies.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "load/plan.hpp"
#include "load/receiver.hpp"
#include "load/report.hpp"
#include "load/shared.hpp"
#include "load/surroundings.hpp"
#include "load/tally.hpp"

namespace fanlight::load {

/// Each host has its share of every group. What the board says is passed on to them, what their threads count stands in
/// the coordinator's pools of `Shared`, a few times a second late. Threads: one of its own, gone with it; calls from
/// one other.
class Hosts {
 public:
  /// Listens on `plan.coordinator` and waits until `plan.hosts` have joined, without end. Errors: no such address,
  /// interrupted.
  static Result<Hosts> gather(const Plan& plan, const Surroundings& surroundings);
  Hosts(Hosts&&) noexcept;
  Hosts& operator=(Hosts&&) noexcept;
  ~Hosts();

  /// Threads that receive, on all hosts together.
  unsigned pools() const;
  /// Tells everybody what to do; what is said to `shared` and counted there from now on is the hosts'. `shared` has
  /// `pools()` and outlives this. Errors: a host cannot, with its own words.
  Result<> start(const Plan& plan, const Expectation& expectation, Shared& shared, const Surroundings& surroundings);
  /// Errors: a host has gone, failed, or was not heard of for half a minute.
  Result<> check();
  /// One name per pool, in their order in `Shared`.
  const std::vector<std::string>& names() const;
  /// After the board's `stop`: one tally per group. Errors: a host's figures are missing.
  Result<std::vector<Tally>> finish();
  std::vector<HostReport> reports() const;

 private:
  struct State;
  explicit Hosts(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace fanlight::load
