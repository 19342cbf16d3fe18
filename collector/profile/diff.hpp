// What changed between two runs. In: two windows. Out: functions and stacks with their change and how sure it is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collector/profile/select.hpp"
#include "collector/profile/window.hpp"
#include "core/error.hpp"

namespace fanlight::profile {

struct DiffOptions {
  View view = View::on_cpu;
  /// Name of the counter that the target publishes and weights are divided by; empty: by time.
  std::string per;
  double noise = 0.005;        // share of the first run's whole; a smaller change is noise, however sure
  unsigned rounds = 400;       // of the bootstrap
  std::uint64_t seed = 1;      // the same files give the same answer
  std::size_t most_rows = 60;  // of functions, and of stacks; the rest is counted
};

/// Weights are those of one second, or of one unit of work.
struct Change {
  std::string name;  // of the function; of a stack: the folded stack
  double before = 0;
  double after = 0;
  double self_before = 0;
  double self_after = 0;
  double low = 0;  // 95 % interval of after - before
  double high = 0;
  bool noise = false;  // the interval holds 0, or the change is below DiffOptions::noise of the whole
  double change() const { return after - before; }
};

struct Diff {
  std::string unit;          // of the weights: "nanoseconds", "bytes", "samples"
  std::string per;           // "second" or the counter's name
  Change whole;              // of everything in the view
  double amount_before = 0;  // seconds, or units of work
  double amount_after = 0;
  std::vector<Change> functions;  // with all they call; largest change first, noise last
  std::vector<Change> stacks;
  std::size_t functions_left_out = 0;
  std::size_t stacks_left_out = 0;
  std::vector<std::string> gone;  // functions that only the first run has, heaviest first
  std::string method;             // how the intervals were made
  WeightedStacks before;          // both runs' stacks, scaled to the amount of the second
  WeightedStacks after;
};

/// Intervals come from resampling the runs' seconds (blocks of equal length, at most 60), so that bursts count as what
/// they are; a run of fewer than six seconds is resampled sample by sample, which knows no bursts and says so. Errors:
/// no such counter, a run without any work. Cost: O(rounds * functions * blocks). Source: Efron and Tibshirani, An
/// Introduction to the Bootstrap, 1993, chapters 6 and 13 (percentile interval).
Result<Diff> diff(const Window& before, const Window& after, const Selector& selector, const DiffOptions& options);

}  // namespace fanlight::profile
