#include "collector/profile/trust.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

namespace fanlight::profile {
namespace {

constexpr double kZ = 1.959964;        // 95 % of a normal distribution lie within
constexpr double kLate = 1.5;          // periods that a sample stands for, above which signals came late
constexpr double kMostlyKernel = 0.5;  // of a function's kernel samples
constexpr std::size_t kMostStacks = 50;

/// What one sampler says of one function or stack.
struct Seen {
  double weight = 0;
  std::uint64_t samples = 0;
  double in_kernel = 0;  // weight of samples that were taken in the kernel
};

struct Opinion {
  double weight = 0;
  std::uint64_t samples = 0;
  std::map<std::pair<std::string, std::string>, Seen> functions;  // module and name
  std::map<std::string, Seen> stacks;
};

bool counts(const SampleRow& row, Sampler sampler) { return row.sampler == sampler && row.reason == Reason::running; }

std::string file_name(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

void add(Seen& seen, const SampleRow& row, bool in_kernel) {
  seen.weight += static_cast<double>(row.weight);
  seen.samples += row.count;
  if (in_kernel) seen.in_kernel += static_cast<double>(row.weight);
}

/// The signal sampler never sees the kernel's frames, so the user's part of the stack is what both can be asked about.
void hear(Opinion& opinion, const Profile& profile, const SampleRow& row) {
  const Frame* leaf = nullptr;
  bool in_kernel = false;
  std::string text;
  for (const FrameId id : profile.stacks.at(row.stack)) {
    const Frame& frame = profile.frames.at(id);
    in_kernel = in_kernel || frame.origin == FrameOrigin::kernel;
    if (frame.origin != FrameOrigin::user) continue;
    leaf = &frame;
    text += (text.empty() ? "" : ";") + frame.name;
  }
  if (leaf == nullptr) return;
  opinion.weight += static_cast<double>(row.weight);
  opinion.samples += row.count;
  add(opinion.functions[{file_name(leaf->module), leaf->name}], row, in_kernel);
  add(opinion.stacks[text], row, in_kernel);
}

template <class Key>
const Seen& find(const std::map<Key, Seen>& seen, const Key& key) {
  static const Seen kNothing;
  const auto found = seen.find(key);
  return found == seen.end() ? kNothing : found->second;
}

template <class Key>
std::set<Key> keys_of(const std::map<Key, Seen>& a, const std::map<Key, Seen>& b) {
  std::set<Key> keys;
  for (const auto& [key, seen] : a) keys.insert(key);
  for (const auto& [key, seen] : b) keys.insert(key);
  return keys;
}

bool meet(const SampledShare& a, const SampledShare& b) { return a.low <= b.high && b.low <= a.high; }

/// What is known of the samplers as a whole, for telling why they differ.
struct Circumstances {
  double period_ns = 0;
  bool any_late = false;
  bool too_few = false;
};

Difference why(const Compared& one, const Seen& kernel, const Seen& inprocess, const Circumstances& known) {
  if (meet(one.kernel, one.inprocess)) return Difference::none;
  const double each = inprocess.samples == 0 ? 0 : inprocess.weight / static_cast<double>(inprocess.samples);
  const bool more_in_process = one.inprocess.share > one.kernel.share;
  if (more_in_process && each > kLate * known.period_ns) return Difference::late_signals;
  if (!more_in_process && kernel.weight > 0 && kernel.in_kernel > kMostlyKernel * kernel.weight)
    return Difference::kernel_time;
  if (!more_in_process && known.any_late) return Difference::signals_off;
  return known.too_few ? Difference::granularity : Difference::unknown;
}

template <class Key, class Name>
std::vector<Compared> compare(const Opinion& kernel, const Opinion& inprocess, const std::map<Key, Seen>& by_kernel,
                              const std::map<Key, Seen>& by_inprocess, const Circumstances& known, Name name_it,
                              double& overlap) {
  std::vector<Compared> all;
  overlap = 0;
  for (const Key& key : keys_of(by_kernel, by_inprocess)) {
    const Seen& a = find(by_kernel, key);
    const Seen& b = find(by_inprocess, key);
    Compared one;
    name_it(one, key);
    one.kernel = sampled_share(a.weight, kernel.weight, a.samples, kernel.samples);
    one.inprocess = sampled_share(b.weight, inprocess.weight, b.samples, inprocess.samples);
    one.difference = why(one, a, b, known);
    overlap += std::min(one.kernel.share, one.inprocess.share);
    all.push_back(std::move(one));
  }
  std::stable_sort(all.begin(), all.end(), [](const Compared& a, const Compared& b) {
    return std::fabs(a.kernel.share - a.inprocess.share) > std::fabs(b.kernel.share - b.inprocess.share);
  });
  return all;
}

std::vector<ModuleTrust> modules_of(const std::vector<Compared>& functions) {
  struct Sums {
    double agreed = 0;
    double either = 0;
    double share = 0;
    std::uint64_t samples = 0;
  };
  std::map<std::string, Sums> sums;
  for (const Compared& one : functions) {
    Sums& sum = sums[one.module];
    const double more = std::max(one.kernel.share, one.inprocess.share);
    sum.agreed += one.difference == Difference::none ? more : std::min(one.kernel.share, one.inprocess.share);
    sum.either += more;
    sum.share += (one.kernel.share + one.inprocess.share) / 2;
    sum.samples += one.kernel.samples + one.inprocess.samples;
  }
  std::vector<ModuleTrust> modules;
  for (const auto& [module, sum] : sums)
    modules.push_back({module, sum.either > 0 ? sum.agreed / sum.either : 1, sum.share, sum.samples});
  std::stable_sort(modules.begin(), modules.end(),
                   [](const ModuleTrust& a, const ModuleTrust& b) { return a.share > b.share; });
  return modules;
}

}  // namespace

std::string_view explain(Difference difference) {
  switch (difference) {
    case Difference::none: return "chance explains it";
    case Difference::kernel_time: return "kernel time: a signal comes only on the way out";
    case Difference::signals_off: return "the thread took no signals there; they came later, elsewhere";
    case Difference::late_signals: return "late signals: one sample stands for several periods";
    case Difference::granularity: return "timer granularity: fewer samples came than were asked for";
    case Difference::unknown: break;
  }
  return "not explained";
}

SampledShare sampled_share(double part, double whole, std::uint64_t hits, std::uint64_t samples) {
  SampledShare result{.samples = hits};
  if (!(whole > 0) || samples == 0) return result;
  result.share = part / whole;
  const double p = result.share;
  const auto n = static_cast<double>(samples);
  const double middle = (p + kZ * kZ / (2 * n)) / (1 + kZ * kZ / n);
  const double half = kZ / (1 + kZ * kZ / n) * std::sqrt(p * (1 - p) / n + kZ * kZ / (4 * n * n));
  result.low = std::max(0.0, middle - half);
  result.high = std::min(1.0, middle + half);
  return result;
}

TrustReport trust(const Profile& profile) {
  std::set<ThreadId> by_kernel;
  std::set<ThreadId> by_inprocess;
  for (const SampleRow& row : profile.samples) {
    if (counts(row, Sampler::kernel_cpu)) by_kernel.insert(row.thread);
    if (counts(row, Sampler::inprocess_cpu)) by_inprocess.insert(row.thread);
  }
  Opinion kernel;
  Opinion inprocess;
  Circumstances known{.period_ns = std::numeric_limits<double>::max()};
  for (const SampleRow& row : profile.samples) {
    if (!by_kernel.contains(row.thread) || !by_inprocess.contains(row.thread)) continue;
    if (counts(row, Sampler::kernel_cpu)) hear(kernel, profile, row);
    if (!counts(row, Sampler::inprocess_cpu)) continue;
    hear(inprocess, profile, row);
    if (row.count > 0)
      known.period_ns = std::min(known.period_ns, static_cast<double>(row.weight) / static_cast<double>(row.count));
  }
  TrustReport report{.kernel_samples = kernel.samples, .inprocess_samples = inprocess.samples};
  if (!report.possible()) return report;
  for (const auto& [key, seen] : inprocess.functions)
    known.any_late = known.any_late || seen.weight > kLate * known.period_ns * static_cast<double>(seen.samples);
  report.period_ns = known.period_ns;
  report.got_hz = static_cast<double>(inprocess.samples) * 1e9 / inprocess.weight;
  known.too_few = inprocess.weight > 1.2 * known.period_ns * static_cast<double>(inprocess.samples);
  report.functions = compare(
      kernel, inprocess, kernel.functions, inprocess.functions, known,
      [](Compared& one, const std::pair<std::string, std::string>& key) {
        one.module = key.first;
        one.name = key.second;
      },
      report.overlap_functions);
  report.stacks = compare(
      kernel, inprocess, kernel.stacks, inprocess.stacks, known,
      [](Compared& one, const std::string& key) { one.name = key; }, report.overlap_stacks);
  if (report.stacks.size() > kMostStacks) report.stacks.resize(kMostStacks);
  report.modules = modules_of(report.functions);
  return report;
}

}  // namespace fanlight::profile
