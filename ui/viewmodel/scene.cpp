#include "ui/viewmodel/scene.hpp"

#include <utility>

namespace fanlight::ui {

Scene build_scene(std::shared_ptr<const profile::Profile> profile, const SceneChoice& choice) {
  constexpr std::size_t kMostColumns = 240;
  constexpr std::size_t kMostFunctions = 300;
  Scene scene;
  scene.choice = choice;
  profile::WeightedStacks stacks = profile::view(*profile, choice.view);
  const std::uint64_t left_out = choice.idle ? 0 : remove_idle(stacks);
  scene.flame = build_flame_tree(stacks);
  scene.flame.idle_left_out = left_out;
  scene.functions = profile::top_functions(stacks);
  if (scene.functions.size() > kMostFunctions) scene.functions.resize(kMostFunctions);
  scene.series = build_series(*profile, choice.plotted_ns, kMostColumns);
  scene.cards = build_cards(*profile, scene.series);
  scene.threads = thread_rows(*profile);
  scene.sockets = socket_rows(*profile);
  scene.operations = operation_rows(*profile);
  scene.ledger = ledger_rows(*profile);
  scene.programs = program_rows(*profile);
  scene.notes = notes(*profile);
  scene.profile = std::move(profile);
  return scene;
}

}  // namespace fanlight::ui
