// All that one picture shows. In: a profile and what was chosen. Out: tree, series, tables; nothing is computed later
// but positions.
#pragma once

#include <memory>
#include <vector>

#include "collector/profile/view.hpp"
#include "ui/viewmodel/cards.hpp"
#include "ui/viewmodel/flame_tree.hpp"
#include "ui/viewmodel/series.hpp"
#include "ui/viewmodel/tables.hpp"

namespace fanlight::ui {

/// What a scene is made of, besides the profile.
struct SceneChoice {
  profile::View view = profile::View::on_cpu;
  bool idle = false;
  std::uint64_t plotted_ns = 120'000'000'000;  // of the newest past in the plots; 0: all
  bool operator==(const SceneChoice&) const = default;
};

/// Immutable once made. The tables' rows are copied where a person may sort them.
struct Scene {
  std::shared_ptr<const profile::Profile> profile;
  SceneChoice choice;
  FlameTree flame;
  std::vector<profile::TopFunction> functions;  // heaviest self first, the first few hundred
  Series series;
  std::vector<Card> cards;
  std::vector<ThreadRow> threads;
  std::vector<SocketRow> sockets;
  std::vector<OperationRow> operations;
  std::vector<LedgerRow> ledger;
  std::vector<ProgramRow> programs;
  std::vector<Note> notes;
};

/// Whether there is time to draw. Without kernel probes a second may well have no thread and no sample: what the target
/// says of itself is there all the same.
inline bool drawable(const profile::Profile& profile) { return !profile.seconds.empty(); }

/// `profile` must not be null. Threads: any. Cost: O(profile); tens of ms for a large one, so not for the drawing
/// thread.
Scene build_scene(std::shared_ptr<const profile::Profile> profile, const SceneChoice& choice);

}  // namespace fanlight::ui
