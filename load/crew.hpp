// Who receives: threads of this process, or processes of their own. In: a plan. Out: everybody's tallies.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/error.hpp"
#include "core/fd.hpp"
#include "load/approach.hpp"
#include "load/plan.hpp"
#include "load/receiver.hpp"
#include "load/shared.hpp"
#include "load/subscriber_pool.hpp"

namespace fanlight::load {

/// `plan.threads` pools in this process or in each of `plan.workers`; all wait for the board's `go` and end at its
/// `stop`. Threads: one at a time.
class Crew {
 public:
  static unsigned pools_of(const Plan& plan) { return plan.threads * std::max(1u, plan.workers); }

  /// Forks, so no other thread may run yet. The arguments outlive the crew. Errors: no descriptor, no process.
  static Result<Crew> start(const Plan& plan, const std::vector<Approach>& approaches, const Expectation& expectation,
                            Shared& shared);
  Crew(Crew&&) = default;
  Crew& operator=(Crew&&) = delete;
  /// Stops whoever still runs.
  ~Crew();

  /// Errors: a worker has ended before it was told to.
  Result<> check();
  /// One name per pool, in their order on the board.
  const std::vector<std::string>& names() const { return names_; }
  /// After the board's `stop`: one tally per group. Errors: a worker died with its tallies.
  Result<std::vector<Tally>> finish();

 private:
  struct Worker {
    pid_t pid = -1;
    Fd results;
  };
  explicit Crew(Shared& shared) : shared_(&shared) {}

  Shared* shared_;
  std::vector<std::unique_ptr<SubscriberPool>> pools_;
  std::vector<std::thread> threads_;
  std::vector<Worker> workers_;
  std::vector<std::string> names_;
};

}  // namespace fanlight::load
