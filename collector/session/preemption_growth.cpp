#include "collector/session/preemption_growth.hpp"

namespace fanlight::session {

std::vector<profile::Preemption> PreemptionGrowth::growth(const std::vector<kernel::PreemptionReading>& now,
                                                          const std::function<profile::ThreadId(pid_t)>& life_of) {
  std::vector<profile::Preemption> rows;
  for (const kernel::PreemptionReading& reading : now) {
    kernel::PreemptionReading& before = before_[{reading.tid, reading.by}];
    if (reading.count > before.count)
      rows.push_back({.thread = life_of(reading.tid),
                      .by = reading.by,
                      .count = reading.count - before.count,
                      .ns = reading.ns - before.ns});
    before = reading;
  }
  return rows;
}

}  // namespace fanlight::session
