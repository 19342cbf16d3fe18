#include "collector/cli/select_options.hpp"

#include <algorithm>
#include <utility>

#include "collector/cli/options.hpp"
#include "core/units.hpp"

namespace fanlight::cli {

void SelectOptions::add_to(CLI::App& command, bool shapes) {
  command.add_option("--thread", selection_.thread, "only threads whose name matches, or with this tid")
      ->type_name("REGEX");
  command.add_option("--label", selection_.labels, "only samples with this label; again for more, all must match")
      ->type_name("KEY=REGEX");
  command.add_option("--focus", selection_.focus, "only stacks with a function that matches")->type_name("REGEX");
  command.add_option("--ignore", selection_.ignore, "without stacks that have such a function")->type_name("REGEX");
  add_duration(command, "--from", from_, "leave out what came earlier, from the recording's start on");
  add_duration(command, "--to", to_, "leave out what came later");
  command
      .add_option(
          "--redact", redact_,
          "write [redacted] for every match in names, paths, label values, peers and events; before anything is "
          "written")
      ->type_name("REGEX");
  if (!shapes) return;
  command.add_flag("--spans", selection_.spans, "show the spans that the target was within as frames");
  command.add_flag("--invert", selection_.invert, "leaf first: who calls the heaviest functions");
  command.add_option("--group-by", selection_.group_by, "thread (as it is), module, label or label:KEY at the root")
      ->type_name("WHAT");
  command.add_option("--min-percent", min_percent_, "join stacks that are lighter than this share of all")
      ->type_name("N")
      ->check(CLI::Range(0.0, 100.0));
}

void SelectOptions::check() const {
  profile::Selection selection = selection_;
  selection.min_share = min_percent_ / 100;
  if (const auto selector = profile::Selector::make(selection); !selector) {
    throw CLI::ValidationError(selector.error().what);
  }
  if (!redact_.empty()) {
    if (const auto redaction = profile::Redaction::make(redact_); !redaction) {
      throw CLI::ValidationError("--redact: " + redaction.error().what);
    }
  }
  if (from_ && to_ && *from_ >= *to_) throw CLI::ValidationError("--from must be before --to");
}

profile::Selector SelectOptions::selector() const {
  profile::Selection selection = selection_;
  selection.min_share = min_percent_ / 100;
  return std::move(profile::Selector::make(selection).value());
}

SelectOptions::Range SelectOptions::range(const profile::Window& window) const {
  Range range;
  if (window.slices().empty()) return range;
  const std::uint64_t start = window.slices().front().from_ns;
  if (from_) range.from_ns = start + static_cast<std::uint64_t>(from_->count());
  if (to_) range.to_ns = start + static_cast<std::uint64_t>(to_->count());
  return range;
}

Result<> SelectOptions::find_in(const profile::Window& window) const {
  if (!from_ || window.slices().empty()) return {};
  const std::uint64_t held = window.slices().back().to_ns - window.slices().front().from_ns;
  if (static_cast<std::uint64_t>(from_->count()) < held) return {};
  return fail(0, "--from lies behind the end: " + format_ns(static_cast<double>(held)) + " were recorded",
              "give an earlier --from, counted from the recording's start");
}

profile::Profile SelectOptions::query(const profile::Window& window) const {
  const Range wanted = range(window);
  profile::Profile profile = window.query(wanted.from_ns, wanted.to_ns);
  selector().keep_threads(profile);
  if (!redact_.empty()) profile::Redaction::make(redact_).value().apply(profile);
  return profile;
}

std::vector<profile::Profile> SelectOptions::slices(const profile::Window& window) const {
  const Range wanted = range(window);
  const profile::Selector chosen = selector();
  std::vector<profile::Profile> all;
  for (const profile::Slice& slice : window.slices()) {
    if (slice.to_ns <= wanted.from_ns || slice.from_ns >= wanted.to_ns) continue;
    profile::Profile second = window.query(slice.from_ns, std::max(slice.to_ns, slice.from_ns + 1));
    second.seconds.clear();
    chosen.keep_threads(second);
    if (!redact_.empty()) profile::Redaction::make(redact_).value().apply(second);
    all.push_back(std::move(second));
  }
  return all;
}

}  // namespace fanlight::cli
