// Every table of the dashboard. In: a profile and its views. Out: one `Table` for each, which says why it is empty.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "collector/profile/trust.hpp"
#include "collector/profile/view.hpp"
#include "ui/viewmodel/flame_tree.hpp"
#include "ui/viewmodel/table.hpp"

namespace fanlight::ui {

enum class TableId : std::uint8_t {
  threads,
  functions,
  scheduler,
  preemptions,
  wakers,
  clients,
  sockets,
  tcp,
  operations,
  map_states,
  locks,
  labels,
  ledger,
  programs,
  cross_check,
  notes,
  why,
  changes,
  source,
};
inline constexpr std::size_t kTables = 19;

Table threads_table(const profile::Profile& profile);
/// `functions`: those of `stacks`, heaviest first.
Table functions_table(const profile::WeightedStacks& stacks, const std::vector<profile::TopFunction>& functions);
/// Waits for a CPU, thread by thread: queue, preemption, migrations.
Table scheduler_table(const profile::Profile& profile);
Table preemptions_table(const profile::Profile& profile);
Table wakers_table(const profile::Profile& profile);
/// TCP connections, slow ones first.
Table clients_table(const profile::Profile& profile);
Table sockets_table(const profile::Profile& profile);
/// What the kernel counts of TCP, and how long it took.
Table tcp_table(const profile::Profile& profile);
Table operations_table(const profile::Profile& profile);
Table map_states_table(const profile::Profile& profile);
Table locks_table(const profile::Profile& profile);
Table labels_table(const profile::Profile& profile);
Table ledger_table(const profile::Profile& profile);
Table programs_table(const profile::Profile& profile);
Table cross_check_table(const profile::Profile& profile, const profile::TrustReport& trust);
Table notes_table(const profile::Profile& profile);

/// The report's sentences on this stretch of time, then, with `before`, what changed since the preceding one.
Table why_table(const profile::Profile& profile, const profile::Profile* before, const FlameTree& flame);
/// Functions by how much they changed against `before`, whose weights count times `scale`. Certain changes first.
Table changes_table(const profile::WeightedStacks& stacks, const profile::WeightedStacks* before, double scale);

/// The lines of the file that `function` comes from, with their share of the view, as far as the file is here: weights
/// are of the frames whose innermost function it is. No function: says how to choose one.
Table source_table(const profile::WeightedStacks& stacks, const std::string& function);

/// The last `points` of each band's share of one thread, for a curve: time that it did not wait idly.
std::vector<float> busy_curve(const profile::Profile& profile, profile::ThreadId thread);

}  // namespace fanlight::ui
