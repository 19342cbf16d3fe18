// Keeps the profiler's own cost within a budget. In: what it cost in each slice. Out: how much the kernel half is to
// do.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "collector/kernel/effort.hpp"

namespace fanlight::session {

/// Goes down a ladder while the cost is above the budget: rarer samples first, then probes one may do without, one by
/// one. Goes up again when the cost has been well below for long enough that the step up is likely to hold; a step that
/// did not hold is tried later and later. Exact times are never given up, so a budget may be out of reach: then it says
/// so. Threads: one at a time.
class Governor {
 public:
  /// `budget`: share of one CPU, above 0.
  explicit Governor(double budget) : budget_(budget) {}

  struct Change {
    kernel::Effort effort;
    std::string sentence;  // for people: what it cost, and what is done about it
  };
  /// `cost`: share of one CPU over the last slice, the collector and its kernel programs together. A change is to be
  /// carried out before the next call.
  std::optional<Change> observe(double cost);

  std::size_t level() const { return level_; }

 private:
  double budget_;
  double cost_ = 0;        // smoothed
  bool any_ = false;       // `cost_` is known
  std::size_t level_ = 0;  // 0: everything
  unsigned settling_ = 0;  // slices until the last change shows
  unsigned calm_ = 0;      // slices in a row that were well below
  unsigned patience_ = 5;  // how many of these it takes to go up
  bool went_up_ = false;   // the last change was upward
  bool told_ = false;      // that the budget is out of reach
};

}  // namespace fanlight::session
