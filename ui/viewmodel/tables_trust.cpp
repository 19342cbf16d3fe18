#include <algorithm>

#include "core/units.hpp"
#include "ui/viewmodel/flame_layout.hpp"
#include "ui/viewmodel/measured.hpp"
#include "ui/viewmodel/table_set.hpp"
#include "ui/viewmodel/tables.hpp"

namespace fanlight::ui {
namespace {

double number(std::uint64_t count) { return static_cast<double>(count); }

Cell interval_cell(const profile::SampledShare& share) {
  Cell cell = share_cell(share.share);
  cell.tip = percent_text(share.low) + " to " + percent_text(share.high) + " (95 %), " + std::to_string(share.samples) +
             " samples";
  return cell;
}

}  // namespace

Table ledger_table(const profile::Profile& profile) {
  Table table{.title = "Ledger",
              .columns = {{"source", 0, false},
                          {"produced", 64},
                          {"delivered", 66},
                          {"lost", 52},
                          {"open", 46, true, "produced, neither delivered nor lost: must be 0"},
                          {"missed", 52, true, "never reached the probe; beside the account"},
                          {"causes", 130, false}},
              .empty = "No probe or queue has reported yet."};
  bool lossy = false;
  for (const LedgerRow& one : ledger_rows(profile)) {
    lossy = lossy || one.lossy();
    const Tone tone = one.lossy() ? Tone::bad : Tone::plain;
    TableRow row;
    row.cells = {text_cell(one.source, tone),
                 count_cell(number(one.produced), tone),
                 count_cell(number(one.delivered), tone),
                 count_cell(number(one.dropped), Tone::bad),
                 {.text = std::to_string(one.balance),
                  .number = static_cast<double>(one.balance),
                  .tone = one.balance != 0 ? Tone::bad : Tone::faint},
                 count_cell(number(one.missed), Tone::muted),
                 {.text = one.causes, .tone = one.lossy() ? Tone::bad : Tone::muted, .tip = one.causes}};
    table.rows.push_back(std::move(row));
  }
  table.note = table.rows.empty() ? "" : lossy ? "something was lost" : "nothing lost";
  return table;
}

Table programs_table(const profile::Profile& profile) {
  Table table{.title = "Own cost",
              .columns = {{"kernel program", 0, false}, {"of a CPU", 64}, {"ns/run", 56}, {"runs", 70}},
              .empty = "What each kernel program costs is not known: attach with --program-stats, or there is none.",
              .order = 1};
  const double seconds = seconds_of(profile);
  char text[80];
  std::snprintf(text, sizeof text, "collector: %.2f %% of a CPU, %s", number(profile.cost.cpu_ns) / (seconds * 1e7),
                format_bytes(number(profile.cost.resident_bytes)).c_str());
  table.note = text;
  for (const ProgramRow& one : program_rows(profile)) {
    TableRow row;
    std::snprintf(text, sizeof text, "%.2f %%", one.cpu_share * 100);
    row.cells = {text_cell(one.name),
                 {.text = text, .number = one.cpu_share, .bar = std::min(1.0, one.cpu_share * 10)}};
    std::snprintf(text, sizeof text, "%.0f", one.ns_per_run);
    row.cells.push_back(one.runs == 0 ? missing_cell() : Cell{.text = text, .number = one.ns_per_run});
    row.cells.push_back(rate_cell(number(one.runs) / seconds));
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table cross_check_table(const profile::Profile& profile, const profile::TrustReport& trust) {
  Table table{.title = "Cross-check",
              .columns = {{"function", 0, false},
                          {"kernel", 60, true, "share of the kernel's samples"},
                          {"in-process", 70, true, "share of the samples that the target took of itself"},
                          {"apart", 56},
                          {"why", 170, false}},
              .order = 3};
  (void)profile;
  if (!trust.possible()) {
    table.empty = trust.kernel_samples == 0
                      ? "There are no samples of the kernel's to compare with."
                      : "Only the kernel sampled: link fanlight::inprocess into the target, or preload its library "
                        "(docs/instrument.md), and both are compared here.";
    return table;
  }
  table.note = "samplers agree on " + percent_text(trust.overlap_functions) + " of functions, " +
               percent_text(trust.overlap_stacks) + " of stacks: " + format_count(number(trust.kernel_samples)) +
               " and " + format_count(number(trust.inprocess_samples)) + " samples";
  for (const profile::Compared& one : trust.functions) {
    const double apart = std::abs(one.kernel.share - one.inprocess.share);
    const bool chance = one.difference == profile::Difference::none;
    TableRow row{.choose = {Choose::What::function, one.name}};
    row.cells = {{.text = short_name(one.name), .tip = one.name + "\n" + one.module},
                 interval_cell(one.kernel),
                 interval_cell(one.inprocess),
                 share_cell(apart, chance ? Tone::muted : Tone::warn),
                 {.text = chance ? "chance" : std::string(profile::explain(one.difference)),
                  .tone = chance ? Tone::faint : Tone::plain,
                  .tip = std::string(profile::explain(one.difference))}};
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table notes_table(const profile::Profile& profile) {
  Table table{.title = "Notes",
              .columns = {{"what is missing, and what happened", 0, false}},
              .empty = "Nothing is missing and nothing happened."};
  for (const Note& note : notes(profile)) {
    const Tone tone = note.kind == Note::Kind::missing     ? Tone::warn
                      : note.kind == Note::Kind::agreement ? Tone::good
                      : note.kind == Note::Kind::unsure    ? Tone::muted
                                                           : Tone::plain;
    table.rows.push_back({.cells = {{.text = note.text, .tone = tone, .tip = note.text}}});
  }
  return table;
}

}  // namespace fanlight::ui
