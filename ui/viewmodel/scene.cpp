#include "ui/viewmodel/scene.hpp"

#include <algorithm>
#include <atomic>
#include <set>
#include <utility>

#include "collector/profile/merge.hpp"
#include "collector/profile/select.hpp"
#include "ui/viewmodel/shape.hpp"
#include "ui/viewmodel/tables.hpp"

namespace fanlight::ui {
namespace {

constexpr std::size_t kMostColumns = 240;
constexpr std::size_t kMostFunctions = 300;
constexpr std::size_t kHeatColumns = 480;
constexpr std::size_t kOffsetRows = 50;

/// The stretches of time that the chosen threads were seen in, instead of all threads'.
void keep_seconds(profile::Profile& profile) {
  std::vector<PerReason> sums(profile.seconds.size());
  std::vector<bool> known(profile.seconds.size());
  for (const profile::ThreadPoint& point : profile.thread_points) {
    if (point.second >= sums.size()) continue;
    sums[point.second][static_cast<std::size_t>(point.reason)] += point.ns;
    known[point.second] = true;
  }
  for (std::size_t i = 0; i < sums.size(); ++i) profile.seconds[i].ns = sums[i];
}

/// Takes out the threads that were not chosen, everywhere.
std::shared_ptr<const profile::Profile> narrowed(const std::shared_ptr<const profile::Profile>& whole,
                                                 const profile::Selector& selector, const Chosen& chosen) {
  if (!whole || chosen.threads.empty()) return whole;
  auto profile = std::make_shared<profile::Profile>(*whole);
  const auto is_chosen = [&](profile::ThreadId id) {
    const std::string& name = whole->threads[id].name;
    const std::string shown = name.empty() ? "thread " + std::to_string(whole->threads[id].tid) : name;
    return std::find(chosen.threads.begin(), chosen.threads.end(), shown) != chosen.threads.end();
  };
  selector.keep_threads(*profile);
  std::erase_if(profile->thread_points, [&](const profile::ThreadPoint& point) { return !is_chosen(point.thread); });
  std::erase_if(profile->preemptions, [&](const profile::Preemption& row) { return !is_chosen(row.thread); });
  // Ids stay what they are; threads that were not chosen become rows of nothing, and are not shown.
  keep_seconds(*profile);
  return profile;
}

std::vector<std::string> keys_of(const profile::Profile& profile) {
  std::set<std::string> keys;
  for (const profile::Labels& labels : profile.labels)
    for (const auto& [key, value] : labels) keys.insert(key);
  return {keys.begin(), keys.end()};
}

profile::WeightedStacks stacks_of(const profile::Profile& profile, const profile::Selector& selector,
                                  const SceneChoice& choice, std::uint64_t& idle_left_out) {
  const bool by_labels = !choice.label_key.empty();
  profile::WeightedStacks stacks = selector.view(profile, choice.chosen.view, by_labels);
  idle_left_out = choice.chosen.idle ? 0 : remove_idle(stacks);
  Chosen shape = choice.chosen;
  if (!shape.sandwich.empty()) shape.invert = false;
  apply_shape(stacks, shape);
  return stacks;
}

}  // namespace

Scene build_scene(Seen seen, const SceneChoice& choice) {
  static std::atomic<std::uint64_t> made{0};
  Scene scene;
  scene.number = ++made;
  scene.choice = choice;
  auto selector = profile::Selector::make(profile_selection(choice.chosen));
  if (!selector) {
    scene.trouble = selector.error().what;
    selector = profile::Selector::make({});
  }
  const auto whole = seen.profile;
  scene.profile = narrowed(whole, *selector, choice.chosen);
  const auto before = narrowed(seen.before, *selector, choice.chosen);
  const profile::Profile& profile = *scene.profile;

  std::uint64_t left_out = 0;
  profile::WeightedStacks stacks = stacks_of(profile, *selector, choice, left_out);
  std::optional<profile::WeightedStacks> stacks_before;
  double scale = 1;
  if (before) {
    std::uint64_t ignored = 0;
    stacks_before = stacks_of(*before, *selector, choice, ignored);
    scale = seconds_of(profile) / seconds_of(*before);
  }
  if (choice.chosen.sandwich.empty()) {
    scene.flame = build_flame_tree(stacks, choice.label_key);
    if (stacks_before) compare_with(scene.flame, *stacks_before, scale);
  } else {
    const Sandwich halves = sandwich(stacks, choice.chosen.sandwich);
    scene.flame = build_flame_tree(halves.callees, choice.label_key);
    scene.callers = build_flame_tree(halves.callers, choice.label_key);
    if (stacks_before) {
      const Sandwich halves_before = sandwich(*stacks_before, choice.chosen.sandwich);
      compare_with(scene.flame, halves_before.callees, scale);
      compare_with(scene.callers, halves_before.callers, scale);
    }
  }
  scene.flame.idle_left_out = left_out;
  scene.functions = profile::top_functions(stacks);
  if (scene.functions.size() > kMostFunctions) scene.functions.resize(kMostFunctions);
  scene.series = build_series(profile, choice.plotted_ns, kMostColumns);
  scene.cards = build_cards(profile, scene.series);
  scene.heatmap_metrics = heatmap_metrics(profile);
  const std::string heat = choice.heatmap_chosen ? choice.heatmap : scene.heatmap_metrics.front();
  scene.latency_map = latency_heatmap(profile, heat, choice.plotted_ns, kHeatColumns);
  scene.offset_map =
      offset_heatmap(seen.timeline.get(), profile.from_ns, profile.to_ns, profile.realtime_offset_ns, kOffsetRows);
  scene.histograms = histograms(profile);
  scene.lanes = lane_order(profile);
  scene.label_keys = keys_of(profile);

  const auto table = [&](TableId id) -> Table& { return scene.tables[static_cast<std::size_t>(id)]; };
  table(TableId::threads) = threads_table(*whole);
  table(TableId::functions) = functions_table(stacks, scene.functions);
  table(TableId::scheduler) = scheduler_table(profile);
  table(TableId::preemptions) = preemptions_table(profile);
  table(TableId::wakers) = wakers_table(profile);
  table(TableId::clients) = clients_table(profile);
  table(TableId::sockets) = sockets_table(profile);
  table(TableId::tcp) = tcp_table(profile);
  table(TableId::operations) = operations_table(profile);
  table(TableId::map_states) = map_states_table(profile);
  table(TableId::locks) = locks_table(profile);
  table(TableId::labels) = labels_table(profile);
  table(TableId::ledger) = ledger_table(profile);
  table(TableId::programs) = programs_table(profile);
  table(TableId::notes) = notes_table(profile);
  if (choice.deep) {
    table(TableId::cross_check) = cross_check_table(profile, profile::trust(profile));
    table(TableId::why) = why_table(profile, before.get(), scene.flame);
    table(TableId::changes) = changes_table(stacks, stacks_before ? &*stacks_before : nullptr, scale);
    table(TableId::source) = source_table(stacks, choice.function);
  }
  scene.stacks = std::move(stacks);
  scene.seen = std::move(seen);
  return scene;
}

}  // namespace fanlight::ui
