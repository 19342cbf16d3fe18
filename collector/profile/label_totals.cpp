#include "collector/profile/label_totals.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "collector/profile/view.hpp"

namespace fanlight::profile {
namespace {

const std::string* value_of(const Labels& labels, const std::string& key) {
  for (const auto& [name, value] : labels)
    if (name == key) return &value;
  return nullptr;
}

}  // namespace

std::vector<LabelKeyTotals> label_totals(const Profile& profile) {
  std::set<std::string> keys;
  for (const Labels& labels : profile.labels)
    for (const auto& [key, value] : labels)
      if (key != kTraceKey) keys.insert(key);
  std::vector<LabelKeyTotals> totals;
  if (keys.empty()) return totals;

  struct Part {
    View view;
    std::uint64_t LabelTotal::* into;
  };
  std::map<std::pair<std::string, std::string>, LabelTotal> found;
  std::map<std::string, LabelTotal> without;
  for (const Part& part : {Part{View::on_cpu, &LabelTotal::running_ns}, Part{View::runnable, &LabelTotal::runnable_ns},
                           Part{View::off_cpu, &LabelTotal::blocked_ns}}) {
    const WeightedStacks stacks = view(profile, part.view, true);
    for (const WeightedStack& stack : stacks.stacks) {
      for (const std::string& key : keys) {
        const std::string* const value = value_of(stacks.labels.at(stack.labels), key);
        LabelTotal& total = value != nullptr ? found[{key, *value}] : without[key];
        total.*part.into += stack.weight;
        if (part.view == View::on_cpu) total.samples += stack.count;
      }
    }
  }
  for (const std::string& key : keys) {
    LabelKeyTotals one{.key = key, .values = {}};
    for (auto row = found.lower_bound({key, {}}); row != found.end() && row->first.first == key; ++row) {
      row->second.value = row->first.second;
      one.values.push_back(row->second);
    }
    std::stable_sort(one.values.begin(), one.values.end(), [](const LabelTotal& a, const LabelTotal& b) {
      return std::tuple(a.running_ns, a.sum()) > std::tuple(b.running_ns, b.sum());
    });
    without[key].labelled = false;
    one.values.push_back(without[key]);
    totals.push_back(std::move(one));
  }
  return totals;
}

std::size_t trace_count(const Profile& profile) {
  std::set<std::string> traces;
  for (const SampleRow& row : profile.samples)
    if (const std::string* trace = value_of(profile.labels.at(row.labels), kTraceKey)) traces.insert(*trace);
  return traces.size();
}

}  // namespace fanlight::profile
