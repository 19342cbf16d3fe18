// How far the numbers are to be trusted: two independent samplers of the same threads, compared piece by piece. In: a
// profile with kernel and in-process samples. Out: shares with their errors, what only one sees and why, a score per
// module.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/profile/profile.hpp"

namespace fanlight::profile {

/// A share that was sampled, with the interval that holds the true one in 95 of 100 cases. Source: Wilson, "Probable
/// inference", 1927.
struct SampledShare {
  double share = 0;  // of weight
  double low = 0;
  double high = 1;
  std::uint64_t samples = 0;
};

/// Why the two differ, as far as the samples tell.
enum class Difference : std::uint8_t {
  none,          // their intervals meet: chance explains it
  kernel_time,   // spent in system calls, faults or interrupts: a signal comes only on the way out
  signals_off,   // the kernel sees it where the thread took no signals; they were charged to a later place
  late_signals,  // that later place: samples there stand for several periods
  granularity,   // the in-process sampler got fewer samples than it asked for
  unknown,
};
/// "kernel time: signals come on the way out".
std::string_view explain(Difference difference);

struct Compared {
  std::string name;    // of a function; of a stack: its functions, root first, joined by ';'
  std::string module;  // file name; empty for stacks
  SampledShare kernel;
  SampledShare inprocess;
  Difference difference = Difference::none;
};

/// Agreement on the functions of one module, as leaf of the user's part of a stack.
struct ModuleTrust {
  std::string module;
  double score = 0;  // what both say or chance explains, of what either says; 0..1
  double share = 0;  // of CPU time, the mean of both
  std::uint64_t samples = 0;
};

struct TrustReport {
  std::uint64_t kernel_samples = 0;
  std::uint64_t inprocess_samples = 0;
  double overlap_functions = 0;  // overlap coefficient of the leaf functions' shares: the sum of the smaller ones; 0..1
  double overlap_stacks = 0;     // of whole user stacks
  double period_ns = 0;          // what one in-process sample stands for at least
  double got_hz = 0;             // in-process samples per second of CPU time that they stand for
  std::vector<Compared> functions;   // by leaf; largest difference first
  std::vector<Compared> stacks;      // the same; at most 50
  std::vector<ModuleTrust> modules;  // largest share first
  bool possible() const { return kernel_samples > 0 && inprocess_samples > 0; }
};

/// Compares running time of the threads that both samplers saw. Cost: O(samples * depth).
TrustReport trust(const Profile& profile);

/// Wilson's interval for `part` of `whole` with so many samples.
SampledShare sampled_share(double part, double whole, std::uint64_t hits, std::uint64_t samples);

}  // namespace fanlight::profile
