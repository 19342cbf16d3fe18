// Time by label. In: a profile. Out: for each key, how its values share the time of all threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collector/profile/profile.hpp"

namespace fanlight::profile {

struct LabelTotal {
  std::string value;     // empty: time without the key
  bool labelled = true;  // false: that row
  std::uint64_t running_ns = 0;
  std::uint64_t runnable_ns = 0;
  std::uint64_t blocked_ns = 0;
  std::uint64_t samples = 0;  // behind running_ns, which they estimate; the other two are exact
  std::uint64_t sum() const { return running_ns + runnable_ns + blocked_ns; }
};

struct LabelKeyTotals {
  std::string key;
  std::vector<LabelTotal> values;  // most running time first, time without the key last; they add up to all time
};

/// One for each key that any sample or time has, but kTraceKey. Cost: that of three views.
std::vector<LabelKeyTotals> label_totals(const Profile& profile);

/// How many traces the samples name.
std::size_t trace_count(const Profile& profile);

}  // namespace fanlight::profile
