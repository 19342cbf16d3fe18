#include "collector/session/governor.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/units.hpp"

namespace fanlight::session {
namespace {

constexpr std::array<kernel::Effort, 9> kLadder{{
    {},
    {.sampling_divisor = 2},
    {.sampling_divisor = 4},
    {.sampling_divisor = 8},
    {.sampling_divisor = 16},
    {.sampling_divisor = 16, .windows = false},
    {.sampling_divisor = 16, .windows = false, .map_operations = false},
    {.sampling_divisor = 16, .windows = false, .map_operations = false, .registry = false},
    {.sampling_divisor = 16, .windows = false, .map_operations = false, .registry = false, .sockets = false},
}};

/// What is done now, for people.
std::string described(const kernel::Effort& effort) {
  if (effort == kernel::Effort{}) return "everything is on again";
  std::string text = "one sample in " + std::to_string(effort.sampling_divisor);
  if (!effort.windows) text += ", no timed writes and no page faults";
  if (!effort.map_operations) text += ", no map operations";
  if (!effort.registry) text += ", no registry operations";
  if (!effort.sockets) text += ", no socket writes";
  return text;
}

constexpr double kWellBelow = 0.5;       // of the budget: halving the samples may have brought it there
constexpr double kNewest = 0.5;          // weight of the last slice in the smoothed cost
constexpr unsigned kSettle = 2;          // slices
constexpr unsigned kMostPatience = 320;  // slices

}  // namespace

std::optional<Governor::Change> Governor::observe(double cost) {
  cost_ = any_ ? kNewest * cost + (1 - kNewest) * cost_ : cost;
  any_ = true;
  if (settling_ > 0) {
    --settling_;
    return std::nullopt;
  }
  const std::string spent = format_share(cost_, 1) + " of one CPU";
  const std::string allowed = format_share(budget_, 1);
  const auto change_to = [&](std::size_t level, const std::string& why) {
    went_up_ = level < level_;
    level_ = level;
    settling_ = kSettle;
    calm_ = 0;
    any_ = false;
    return Change{kLadder[level], why + ": " + described(kLadder[level])};
  };
  if (cost_ > budget_) {
    calm_ = 0;
    // What was given back did not fit: longer before the next try.
    if (went_up_) patience_ = std::min(patience_ * 2, kMostPatience);
    if (level_ + 1 < kLadder.size())
      return change_to(level_ + 1, "watching took " + spent + ", the budget is " + allowed);
    if (std::exchange(told_, true)) return std::nullopt;
    return Change{kLadder[level_], "watching takes " + spent + ", and nothing is left to give up for a budget of " +
                                       allowed + ": exact times alone cost that"};
  }
  told_ = false;
  calm_ = level_ > 0 && cost_ < kWellBelow * budget_ ? calm_ + 1 : 0;
  if (calm_ < patience_) return std::nullopt;
  return change_to(level_ - 1, "watching takes " + spent + ", well below the budget of " + allowed);
}

}  // namespace fanlight::session
