// Views: a profile seen as one weighted set of stacks. In: `Profile`. Out: `WeightedStacks`, what every format and
// panel takes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/profile/profile.hpp"

namespace fanlight::profile {

enum class View : std::uint8_t { on_cpu, off_cpu, runnable, wall, socket, map, inprocess, waker, faults };

inline constexpr std::array<View, 9> kViews{View::on_cpu, View::off_cpu,   View::runnable, View::wall,  View::socket,
                                            View::map,    View::inprocess, View::waker,    View::faults};

/// As the command line spells it: oncpu offcpu runnable wall socket map inprocess waker faults.
std::string_view name_of(View view);
std::optional<View> view_from(std::string_view name);

struct WeightedStack {
  Stack frames;                     // root first, indices into WeightedStacks::frames
  std::uint64_t weight = 0;         // in WeightedStacks::unit
  std::uint64_t count = 0;          // samples (time views) or events (socket, map) behind the weight; 0 for [unsampled]
  LabelsId labels = 0;              // index into WeightedStacks::labels
  Reason reason = Reason::running;  // of all samples behind it, in the views wall and offcpu, whose roots tell it
  double variance = 0;              // of `weight`, in its unit squared, as far as it is an estimate from samples

  /// Half of the 95 % confidence interval around `weight`.
  std::uint64_t margin() const;
};

struct WeightedStacks {
  std::string name;          // of the view
  std::string unit;          // "nanoseconds", "bytes", "faults" or "samples"
  bool state_roots = false;  // the first frame of each stack is its state, as its `reason` tells
  std::uint64_t period = 0;  // typical weight of one sample, 0 when there is none
  std::uint64_t from_ns = 0;
  std::uint64_t to_ns = 0;
  std::int64_t realtime_offset_ns = 0;
  std::vector<Frame> frames;
  std::vector<Labels> labels{{}};
  std::vector<Module> modules;        // those whose build-id is known
  std::string executable;             // of the target
  std::vector<WeightedStack> stacks;  // no two alike; heaviest first

  std::uint64_t total() const;
};

/// Time views (on_cpu, off_cpu, runnable, wall): the samples of each (thread, reason) are scaled to its exact total, to
/// the nanosecond (largest remainder), and where time was counted by label, those with a set of labels to its time; a
/// total without samples becomes one `[unsampled]` stack. Without exact totals the raw weights stand. Samples are taken
/// at random instants, so how many of a total's n samples fall on one stack is binomial, and the interval is that of
/// Agresti and Coull ("Approximate is better than exact", The American Statistician 52(2), 1998). Instants are spread
/// out, which makes it wider than it need be. Root frames: the thread's name; wall puts the state ("running",
/// "runnable: queued", "blocked: futex") before it; off_cpu the reason after it. socket: bytes. map: ns, of BPF maps
/// and of the target's own registries. inprocess: the signal sampler's own, raw. waker: ns that threads had waited, by
/// the stack of who woke them; roots: the woken thread, the reason, the waker. faults: page faults, raw. Cost:
/// O(samples). `by_labels` keeps stacks of different labels apart; without it every stack's labels are 0.
WeightedStacks view(const Profile& profile, View view, bool by_labels = false);

/// The `n` heaviest stacks joined for people: "worker-1;main;send 31.0 %". Used by report and the demo.
struct TopFunction {
  std::string name;
  std::uint64_t self = 0;   // weight with this function as leaf
  std::uint64_t total = 0;  // weight with this function anywhere, once per stack
};
/// Heaviest self first. Threads' and states' root frames (markers) are left out. Cost: O(frames of all stacks).
std::vector<TopFunction> top_functions(const WeightedStacks& stacks);

}  // namespace fanlight::profile
