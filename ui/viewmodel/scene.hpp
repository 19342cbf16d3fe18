// All that one picture shows. In: what arrived and what was chosen. Out: trees, series, tables; nothing is computed
// later but positions.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "collector/profile/view.hpp"
#include "ui/model/timeline.hpp"
#include "ui/viewmodel/cards.hpp"
#include "ui/viewmodel/flame_tree.hpp"
#include "ui/viewmodel/heatmap.hpp"
#include "ui/viewmodel/histogram_set.hpp"
#include "ui/viewmodel/selection.hpp"
#include "ui/viewmodel/series.hpp"
#include "ui/viewmodel/table_set.hpp"
#include "ui/viewmodel/timeline_view.hpp"

namespace fanlight::ui {

/// What a scene is made of. Immutable.
struct Seen {
  std::shared_ptr<const profile::Profile> profile;  // null: nothing yet
  std::shared_ptr<const profile::Profile> before;   // the stretch before, of the same length; null: none
  std::shared_ptr<const Timeline> timeline;         // null: no record of it
  bool operator==(const Seen&) const = default;
};

/// What a scene shows of it.
struct SceneChoice {
  Chosen chosen;                               // its range and zoom do not matter here
  std::string label_key;                       // what labels boxes are told by; empty: none
  std::string function;                        // whose source is shown
  std::string heatmap;                         // name of a metric; empty: the wait for a CPU
  bool heatmap_chosen = false;                 // false: the delivery latency, where there is one
  std::uint64_t plotted_ns = 120'000'000'000;  // of the newest past in the plots; 0: all
  bool deep = true;  // false: without the cross-check and what changed, which cost most and few panels show
  bool operator==(const SceneChoice&) const = default;
};

/// Immutable once made.
struct Scene {
  std::uint64_t number = 0;  // of its own: where one lies says nothing, since memory is used again
  Seen seen;
  std::shared_ptr<const profile::Profile> profile;  // the part that was chosen: its threads only
  SceneChoice choice;
  std::string trouble;  // why the choice could not be followed; empty: it was
  FlameTree flame;
  FlameTree callers;                            // of the sandwich; empty without one
  profile::WeightedStacks stacks;               // those of `flame`, for export
  std::vector<profile::TopFunction> functions;  // heaviest self first, the first few hundred
  Series series;
  std::vector<Card> cards;
  std::array<Table, kTables> tables;
  Heatmap latency_map, offset_map;
  std::vector<std::string> heatmap_metrics;
  std::vector<NamedHistogram> histograms;
  LaneOrder lanes;
  std::vector<std::string> label_keys;
  const Table& table(TableId id) const { return tables[static_cast<std::size_t>(id)]; }
};

/// Whether there is time to draw. Without kernel probes a second may well have no thread and no sample: what the target
/// says of itself is there all the same.
inline bool drawable(const profile::Profile& profile) { return !profile.seconds.empty(); }

/// `seen.profile` must not be null. Threads: any. Cost: O(profile); tens of ms for a large one, so not for the drawing
/// thread.
Scene build_scene(Seen seen, const SceneChoice& choice);

}  // namespace fanlight::ui
