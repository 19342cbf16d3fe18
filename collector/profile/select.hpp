// A part of a profile, seen from another side. In: what the user asks for. Out: profiles and stacks that hold just
// that.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "collector/profile/view.hpp"
#include "core/error.hpp"

namespace fanlight::profile {

/// What to show and how. Patterns match anywhere in a text. Empty: no condition.
struct Selection {
  std::string thread;               // pattern of the name, or a tid
  std::vector<std::string> labels;  // "key=pattern"; each must match
  std::string focus;                // only stacks with such a function
  std::string ignore;               // only stacks without
  std::string group_by;             // "thread" (as it is), "module", "label:KEY", "label" (the whole set)
  bool spans = false;               // the target's spans as frames, between the thread and its functions
  bool invert = false;              // leaf first: who calls the heaviest functions
  double min_share = 0;             // lighter stacks become one, "[below 0.5 %]"
  bool operator==(const Selection&) const = default;
};

/// A selection that was checked. Threads: const, any.
class Selector {
 public:
  /// Errors: not a pattern, not "key=pattern", unknown group; each names the option.
  static Result<Selector> make(const Selection& selection);
  Selector(Selector&&) noexcept;
  Selector& operator=(Selector&&) noexcept;
  ~Selector();

  /// Takes the time and samples of other threads out of `profile`, so that views scale to what is left.
  void keep_threads(Profile& profile) const;
  /// The view of that part. Labels are kept in the result when `by_labels`. The weights of what is shown are those of
  /// the whole view: a label's share is its share of the exact total. Cost: the view's, and patterns once a name.
  WeightedStacks view(const Profile& profile, View view, bool by_labels = false) const;
  /// The same on stacks that are there already.
  WeightedStacks apply(WeightedStacks stacks, bool by_labels = false) const;
  /// Something is left out: totals of the result are not those of the profile.
  bool narrows() const;

 private:
  struct State;
  explicit Selector(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Joins stacks that are alike in frames and labels; heaviest first. Cost: O(frames of all stacks).
void join_alike(WeightedStacks& stacks);

}  // namespace fanlight::profile
