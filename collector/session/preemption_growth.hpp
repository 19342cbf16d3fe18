// Running totals of preemptions become rows of a slice. In: readings by tid. Out: growth by thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "collector/kernel/reading.hpp"
#include "collector/profile/window.hpp"

namespace fanlight::session {

/// Threads: one. Cost: O(rows).
class PreemptionGrowth {
 public:
  std::vector<profile::Preemption> growth(const std::vector<kernel::PreemptionReading>& now,
                                          const std::function<profile::ThreadId(pid_t)>& life_of);

 private:
  std::map<std::pair<pid_t, std::string>, kernel::PreemptionReading> before_;
};

}  // namespace fanlight::session
