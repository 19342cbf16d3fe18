#include <algorithm>
#include <map>

#include "collector/formats/scheduling.hpp"
#include "collector/profile/label_totals.hpp"
#include "collector/profile/merge.hpp"
#include "core/units.hpp"
#include "ui/viewmodel/flame_layout.hpp"
#include "ui/viewmodel/measured.hpp"
#include "ui/viewmodel/table_set.hpp"
#include "ui/viewmodel/tables.hpp"

namespace fanlight::ui {
namespace {

std::string states_tip(const ThreadRow& row) {
  std::string tip = row.name + ", thread " + std::to_string(row.tid) + (row.ended ? ", ended" : "");
  for (std::size_t band = 0; band < kBands.size(); ++band) {
    if (row.bands[band] == 0) continue;
    tip += "\n" + percent_text(row.share(band)) + "  " + std::string(band_name(band)) + "  " +
           format_ns(static_cast<double>(row.bands[band]));
  }
  if (row.measured) tip += "\n" + format_count(static_cast<double>(row.migrations)) + " migrations";
  return tip + "\nclick: look at this thread only";
}

double as_double(std::uint64_t number) { return static_cast<double>(number); }

}  // namespace

std::vector<float> busy_curve(const profile::Profile& profile, profile::ThreadId thread) {
  constexpr std::size_t kMost = 60;
  std::map<std::uint32_t, std::pair<double, double>> by_second;  // not idle, all
  for (const profile::ThreadPoint& point : profile.thread_points) {
    if (point.thread != thread) continue;
    auto& [busy, all] = by_second[point.second];
    all += as_double(point.ns);
    if (!is_idle(point.reason)) busy += as_double(point.ns);
  }
  std::vector<float> curve;
  for (const auto& [second, ns] : by_second)
    curve.push_back(ns.second > 0 ? static_cast<float>(ns.first / ns.second) : 0);
  if (curve.size() > kMost) curve.erase(curve.begin(), curve.end() - kMost);
  return curve;
}

Table threads_table(const profile::Profile& profile) {
  Table table{.title = "Threads",
              .columns = {{"thread", 116, false},
                          {"tid", 50},
                          {"time per state", 0, false},
                          {"run", 50},
                          {"wait", 50, true, "ready to run, and no CPU free"},
                          {"blocked", 54, true, "on something, or waiting for something to do"},
                          {"busy", 60, false, "not waiting idly, over time"},
                          {"queue p99", 66},
                          {"sw/s", 48, true, "switches per second of its life"}},
              .empty = no_threads(profile.target),
              .order = 3};
  std::map<pid_t, profile::ThreadId> ids;
  for (profile::ThreadId id = 0; id < profile.threads.size(); ++id) ids[profile.threads[id].tid] = id;
  for (const ThreadRow& row : thread_rows(profile)) {
    const Tone tone = row.ended ? Tone::faint : Tone::plain;
    TableRow cells{.choose = {Choose::What::thread, row.name}};
    cells.cells.push_back({.text = row.name, .tone = tone, .tip = states_tip(row)});
    cells.cells.push_back({.text = std::to_string(row.tid), .number = row.tid, .tone = Tone::faint});
    Cell states{.number = row.share(0), .tip = states_tip(row)};
    if (row.ns > 0) states.bands = row.bands;
    cells.cells.push_back(std::move(states));
    for (const double share : {row.share(0), row.share(1), row.blocked()})
      cells.cells.push_back(row.ns == 0 ? missing_cell() : share_cell(share, tone));
    if (row.share(1) > 0.1) cells.cells[4].tone = Tone::warn;
    cells.cells.push_back({.spark = busy_curve(profile, ids[row.tid])});
    cells.cells.push_back(time_cell(as_double(row.run_queue_p99_ns), tone));
    cells.cells.push_back(row.measured ? count_cell(row.switches_per_second, tone) : missing_cell());
    table.rows.push_back(std::move(cells));
  }
  table.note = std::to_string(table.rows.size()) + (table.rows.size() == 1 ? " thread" : " threads");
  return table;
}

Table functions_table(const profile::WeightedStacks& stacks, const std::vector<profile::TopFunction>& functions) {
  Table table{.title = "Functions",
              .note = "of " + stacks.name,
              .columns = {{"itself", 58}, {"with callees", 82}, {"function", 0, false}},
              .empty = "No function was sampled in this view.",
              .order = 0};
  const double whole = as_double(stacks.total());
  for (const profile::TopFunction& function : functions) {
    TableRow row{.choose = {Choose::What::function, function.name}};
    const double self = whole > 0 ? as_double(function.self) / whole : 0;
    row.cells.push_back(share_cell(self));
    row.cells.back().bar = self;
    row.cells.push_back(share_cell(whole > 0 ? as_double(function.total) / whole : 0, Tone::muted));
    row.cells.push_back(
        {.text = short_name(function.name), .tip = function.name + "\nclick: find it in the flame graph"});
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table scheduler_table(const profile::Profile& profile) {
  Table table{.title = "Scheduler",
              .note = "from ready until running",
              .columns = {{"thread", 0, false},
                          {"waited", 62, true, "share of its life that it was ready without a CPU"},
                          {"preempted", 66, true, "per second"},
                          {"yielded", 60, true, "switches of its own will, per second"},
                          {"moved", 54, true, "to another CPU, per second"},
                          {"p50", 56},
                          {"p99", 56},
                          {"max", 56}},
              .empty = no_threads(profile.target),
              .order = 1};
  for (const profile::Thread& thread : profile.threads) {
    const std::uint64_t all = profile::sum(thread.ns);
    if (all == 0) continue;
    const double seconds = as_double(all) / 1e9;
    double waited = 0;
    for (std::size_t i = 0; i < kReasons; ++i)
      if (state_of(static_cast<Reason>(i)) == State::runnable) waited += as_double(thread.ns[i]);
    const std::string name = thread.name.empty() ? "thread " + std::to_string(thread.tid) : thread.name;
    TableRow row{.choose = {Choose::What::thread, name}};
    row.cells.push_back({.text = name + "  " + std::to_string(thread.tid)});
    const double share = waited / as_double(all);
    row.cells.push_back(share_cell(share, share > 0.1 ? Tone::warn : Tone::plain));
    row.cells.back().bar = share;
    for (const std::uint64_t count : {thread.switches_preempted, thread.switches_voluntary, thread.migrations})
      row.cells.push_back(count_cell(as_double(count) / seconds));
    for (const double fraction : {0.5, 0.99, 1.0}) {
      const bool any = thread.run_queue_ns.count() > 0;
      row.cells.push_back(any ? time_cell(as_double(thread.run_queue_ns.percentile(fraction))) : missing_cell());
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table preemptions_table(const profile::Profile& profile) {
  Table table{
      .title = "Who takes the CPU away",
      .columns = {{"thread", 0, false}, {"lost its CPU to", 130, false}, {"times", 56}, {"waited", 62}, {"each", 60}},
      .empty = unmeasured(profile.target, kScheduler) ? "Preemptions: " + *unmeasured(profile.target, kScheduler)
                                                      : "No thread lost its CPU to another in this time.",
      .order = 3};
  for (const formats::Preemptor& one : formats::preemptors(profile)) {
    TableRow row{.choose = {Choose::What::thread, one.thread}};
    row.cells = {text_cell(one.thread), text_cell(one.by, Tone::warn), count_cell(as_double(one.count)),
                 time_cell(as_double(one.ns)),
                 time_cell(one.count == 0 ? 0 : as_double(one.ns) / as_double(one.count), Tone::muted)};
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table wakers_table(const profile::Profile& profile) {
  Table table{.title = "Who ends the waits",
              .note = "from sampled wake-ups",
              .columns = {{"woken", 110, false},
                          {"waited for", 120, false},
                          {"by", 120, false},
                          {"there", 0, false},
                          {"times", 54},
                          {"on average", 70}},
              .empty = unmeasured(profile.target, kScheduler) ? "Wake-ups: " + *unmeasured(profile.target, kScheduler)
                                                              : "No wake-up was sampled in this time.",
              .order = 4};
  for (const formats::Waker& one : formats::wakers(profile)) {
    TableRow row{.choose = {Choose::What::thread, one.thread}};
    row.cells = {text_cell(one.thread),
                 text_cell(std::string(name_of(one.reason)), Tone::muted),
                 text_cell(one.by),
                 {.text = one.where.empty() ? "-" : short_name(one.where), .tone = Tone::muted, .tip = one.where},
                 count_cell(as_double(one.count)),
                 time_cell(one.count == 0 ? 0 : as_double(one.ns) / as_double(one.count))};
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table labels_table(const profile::Profile& profile) {
  Table table{
      .title = "Labels",
      .note = "what the target says of its work",
      .columns = {{"label", 0, false}, {"time", 64}, {"running", 64}, {"runnable", 64}, {"blocked", 64}, {"share", 54}},
      .empty = "The target puts no labels on its threads. docs/instrument.md says how: a line each.",
      .order = 2};
  // Three views of the profile, which most targets have no use for.
  if (profile.labels.size() <= 1 && profile.label_times.empty()) return table;
  for (const profile::LabelKeyTotals& key : profile::label_totals(profile)) {
    double all = 0;
    for (const profile::LabelTotal& value : key.values) all += as_double(value.sum());
    for (const profile::LabelTotal& value : key.values) {
      TableRow row;
      if (value.labelled) row.choose = {Choose::What::label, key.key + "=" + value.value};
      const double share = all > 0 ? as_double(value.sum()) / all : 0;
      row.cells = {text_cell(key.key + (value.labelled ? "=" + value.value : ": none"),
                             value.labelled ? Tone::plain : Tone::faint),
                   time_cell(as_double(value.sum())),
                   time_cell(as_double(value.running_ns)),
                   time_cell(as_double(value.runnable_ns)),
                   time_cell(as_double(value.blocked_ns)),
                   share_cell(share)};
      row.cells.back().bar = share;
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

}  // namespace fanlight::ui
