#include "collector/profile/diff.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <unordered_map>
#include <utility>

namespace fanlight::profile {
namespace {

constexpr std::size_t kMostBlocks = 60;
constexpr std::size_t kFewestBlocks = 6;

/// One stretch of a run: what each function and stack weighed, and how much work was done.
struct Block {
  double amount = 0;
  std::unordered_map<std::uint32_t, double> weight;  // by name: functions with all they call, and stacks
};

std::optional<double> work_of(const Profile& profile, const std::string& per) {
  if (per.empty()) return static_cast<double>(profile.to_ns - profile.from_ns) / 1e9;
  for (const Metric& metric : profile.metrics) {
    if (metric.name == per && metric.kind == Metric::Kind::counter) return metric.value;
  }
  return std::nullopt;
}

class Names {
 public:
  std::uint32_t number(const std::string& name) {
    const auto [found, added] = index_.emplace(name, names_.size());
    if (added) names_.push_back(name);
    return static_cast<std::uint32_t>(found->second);
  }
  const std::string& operator[](std::uint32_t number) const { return names_[number]; }
  std::size_t size() const { return names_.size(); }

 private:
  std::unordered_map<std::string, std::size_t> index_;
  std::vector<std::string> names_;
};

struct Kinds {
  Names functions;
  Names stacks;
};

std::string line_of(const WeightedStacks& stacks, const WeightedStack& stack) {
  std::string line;
  for (const FrameId id : stack.frames) {
    const Frame& frame = stacks.frames[id];
    line += (line.empty() ? "" : ";") + frame.name + (frame.origin == FrameOrigin::kernel ? "_[k]" : "");
  }
  return line;
}

struct Run {
  WeightedStacks stacks;
  double amount = 0;
  std::vector<Block> functions;  // blocks
  std::vector<Block> lines;
  std::map<std::uint32_t, double> self;
  double samples = 0;
  double weight = 0;
};

void count(const WeightedStacks& stacks, Kinds& kinds, Block& functions, Block& lines,
           std::map<std::uint32_t, double>* self) {
  std::vector<std::uint32_t> names;
  for (const Frame& frame : stacks.frames) names.push_back(kinds.functions.number(frame.name));
  for (const WeightedStack& stack : stacks.stacks) {
    const auto weight = static_cast<double>(stack.weight);
    lines.weight[kinds.stacks.number(line_of(stacks, stack))] += weight;
    std::set<std::uint32_t> seen;
    for (const FrameId id : stack.frames) {
      if (stacks.frames[id].origin == FrameOrigin::marker) continue;
      if (seen.insert(names[id]).second) functions.weight[names[id]] += weight;
    }
    if (self == nullptr || stack.frames.empty()) continue;
    if (stacks.frames[stack.frames.back()].origin != FrameOrigin::marker) (*self)[names[stack.frames.back()]] += weight;
  }
}

Result<Run> run_of(const Window& window, const Selector& selector, const DiffOptions& options, Kinds& kinds) {
  Run run;
  const Profile all = window.query();
  const auto amount = work_of(all, options.per);
  if (!amount) {
    return fail(0, "the recording has no counter '" + options.per + "'",
                "fanlight report lists what the target counts; without --per the weights are divided by time");
  }
  if (!(*amount > 0)) return fail(0, "the recording is empty: nothing to divide by", "record for some seconds");
  run.amount = *amount;
  run.stacks = selector.view(all, options.view);
  run.weight = static_cast<double>(run.stacks.total());
  for (const WeightedStack& stack : run.stacks.stacks) run.samples += static_cast<double>(stack.count);
  Block functions;
  Block lines;
  count(run.stacks, kinds, functions, lines, &run.self);

  const auto& slices = window.slices();
  const std::size_t blocks = std::min(kMostBlocks, slices.size());
  for (std::size_t i = 0; i < blocks && slices.size() >= kFewestBlocks; ++i) {
    const std::size_t first = i * slices.size() / blocks;
    const std::size_t last = (i + 1) * slices.size() / blocks - 1;
    const Profile part = window.query(slices[first].from_ns, slices[last].to_ns);
    Block function_block{.amount = work_of(part, options.per).value_or(0), .weight = {}};
    Block line_block = function_block;
    count(selector.view(part, options.view), kinds, function_block, line_block, nullptr);
    run.functions.push_back(std::move(function_block));
    run.lines.push_back(std::move(line_block));
  }
  if (run.functions.empty()) {
    functions.amount = lines.amount = run.amount;
    run.functions.push_back(std::move(functions));
    run.lines.push_back(std::move(lines));
  }
  return run;
}

double sum_of(const std::vector<Block>& blocks, std::uint32_t name) {
  double sum = 0;
  for (const Block& block : blocks) {
    if (const auto found = block.weight.find(name); found != block.weight.end()) sum += found->second;
  }
  return sum;
}

/// Rates of one name under resampling, one for each round.
class Resampler {
 public:
  Resampler(const Run& run, unsigned rounds, std::uint64_t seed) : run_(run), random_(seed) {
    const std::size_t blocks = run.functions.size();
    if (blocks < kFewestBlocks) return;
    for (unsigned round = 0; round < rounds; ++round) {
      std::vector<unsigned> times(blocks);
      double amount = 0;
      for (std::size_t i = 0; i < blocks; ++i) {
        const std::size_t picked = random_() % blocks;
        ++times[picked];
        amount += run.functions[picked].amount;
      }
      times_.push_back(std::move(times));
      amounts_.push_back(amount > 0 ? amount : run.amount);
    }
  }
  bool by_seconds() const { return !times_.empty(); }

  std::vector<double> rates(const std::vector<Block>& blocks, std::uint32_t name, double weight, unsigned rounds) {
    std::vector<double> rates;
    if (!by_seconds() || weight == 0) {
      // As many samples as there were, each of the mean weight. None seen is not none there: up to about one sample
      // would often have been missed.
      const double mean = run_.samples > 0 ? run_.weight / run_.samples : 0;
      std::poisson_distribution<std::int64_t> drawn(mean > 0 && weight > 0 ? weight / mean : 1.0);
      for (unsigned round = 0; round < rounds; ++round) {
        rates.push_back(static_cast<double>(drawn(random_)) * mean / run_.amount);
      }
      return rates;
    }
    std::vector<double> of_block;
    for (const Block& block : blocks) {
      const auto found = block.weight.find(name);
      of_block.push_back(found == block.weight.end() ? 0 : found->second);
    }
    for (std::size_t round = 0; round < times_.size(); ++round) {
      double sum = 0;
      for (std::size_t i = 0; i < of_block.size(); ++i) sum += times_[round][i] * of_block[i];
      rates.push_back(sum / amounts_[round]);
    }
    return rates;
  }

 private:
  const Run& run_;
  std::mt19937_64 random_;
  std::vector<std::vector<unsigned>> times_;
  std::vector<double> amounts_;
};

void set_interval(Change& change, const std::vector<double>& before, const std::vector<double>& after) {
  std::vector<double> changes;
  for (std::size_t i = 0; i < std::min(before.size(), after.size()); ++i) changes.push_back(after[i] - before[i]);
  if (changes.empty()) return;
  std::sort(changes.begin(), changes.end());
  const auto at = [&](double share) {
    return changes[static_cast<std::size_t>(share * static_cast<double>(changes.size() - 1))];
  };
  change.low = at(0.025);
  change.high = at(0.975);
}

WeightedStacks scaled(WeightedStacks stacks, double factor) {
  for (WeightedStack& stack : stacks.stacks) {
    const double weight = static_cast<double>(stack.weight) * factor;
    stack.weight = static_cast<std::uint64_t>(std::llround(std::clamp(weight, 0.0, 4e18)));
  }
  std::erase_if(stacks.stacks, [](const WeightedStack& stack) { return stack.weight == 0; });
  return stacks;
}

}  // namespace

Result<Diff> diff(const Window& before, const Window& after, const Selector& selector, const DiffOptions& options) {
  Kinds kinds;
  auto first = run_of(before, selector, options, kinds);
  if (!first) return within("first file", first.error());
  auto second = run_of(after, selector, options, kinds);
  if (!second) return within("second file", second.error());
  if (first->stacks.unit != second->stacks.unit) {
    return fail(0, "one file is in " + first->stacks.unit + ", the other in " + second->stacks.unit,
                "compare files of one tool");
  }
  Diff result{.unit = first->stacks.unit,
              .per = options.per.empty() ? "second" : options.per,
              .whole = {},
              .amount_before = first->amount,
              .amount_after = second->amount};
  Resampler old_rounds(*first, options.rounds, options.seed);
  Resampler new_rounds(*second, options.rounds, options.seed + 1);
  result.method = old_rounds.by_seconds() && new_rounds.by_seconds()
                      ? "95 % intervals by resampling the seconds of both runs"
                      : "95 % intervals by resampling single samples: too few seconds to know how they vary";
  const double whole_rate = first->weight / first->amount;
  const auto settle = [&](Change& change) {
    const bool sure = change.low > 0 || change.high < 0;
    change.noise = !sure || std::fabs(change.change()) < options.noise * whole_rate;
  };

  // The whole is one more name, under which every block has all of its weight.
  const auto whole_of = [](const Run& run) {
    std::vector<Block> blocks = run.lines;
    for (Block& block : blocks) {
      double sum = 0;
      for (const auto& [name, weight] : block.weight) sum += weight;
      block.weight = {{0, sum}};
    }
    return blocks;
  };
  result.whole = {.name = "all", .before = whole_rate, .after = second->weight / second->amount};
  set_interval(result.whole, old_rounds.rates(whole_of(*first), 0, first->weight, options.rounds),
               new_rounds.rates(whole_of(*second), 0, second->weight, options.rounds));
  settle(result.whole);

  const auto changes = [&](const Names& names, std::vector<Block> Run::* blocks, bool functions,
                           std::size_t& left_out) {
    std::vector<std::pair<double, std::uint32_t>> order;
    for (std::uint32_t name = 0; name < names.size(); ++name) {
      const double was = sum_of((*first).*blocks, name) / first->amount;
      const double is = sum_of((*second).*blocks, name) / second->amount;
      if (was == 0 && is == 0) continue;
      order.emplace_back(std::fabs(is - was), name);
    }
    std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    left_out = order.size() > options.most_rows ? order.size() - options.most_rows : 0;
    if (order.size() > options.most_rows) order.resize(options.most_rows);
    std::vector<Change> rows;
    for (const auto& [size, name] : order) {
      const double was = sum_of((*first).*blocks, name);
      const double is = sum_of((*second).*blocks, name);
      Change change{.name = names[name], .before = was / first->amount, .after = is / second->amount};
      if (functions) {
        if (const auto self = first->self.find(name); self != first->self.end()) {
          change.self_before = self->second / first->amount;
        }
        if (const auto self = second->self.find(name); self != second->self.end()) {
          change.self_after = self->second / second->amount;
        }
      }
      set_interval(change, old_rounds.rates((*first).*blocks, name, was, options.rounds),
                   new_rounds.rates((*second).*blocks, name, is, options.rounds));
      settle(change);
      rows.push_back(std::move(change));
    }
    std::stable_partition(rows.begin(), rows.end(), [](const Change& change) { return !change.noise; });
    return rows;
  };
  result.functions = changes(kinds.functions, &Run::functions, true, result.functions_left_out);
  result.stacks = changes(kinds.stacks, &Run::lines, false, result.stacks_left_out);

  std::vector<std::pair<double, std::string>> gone;
  for (std::uint32_t name = 0; name < kinds.functions.size(); ++name) {
    const double was = sum_of(first->functions, name);
    if (was > 0 && sum_of(second->functions, name) == 0) gone.emplace_back(was, kinds.functions[name]);
  }
  std::stable_sort(gone.begin(), gone.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  for (auto& [weight, name] : gone) result.gone.push_back(std::move(name));
  result.before = scaled(std::move(first->stacks), second->amount / first->amount);
  result.after = std::move(second->stacks);
  return result;
}

}  // namespace fanlight::profile
