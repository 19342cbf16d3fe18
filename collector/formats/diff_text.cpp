#include "collector/formats/diff_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <set>

#include <boost/json.hpp>

#include "collector/formats/svg.hpp"
#include "collector/formats/table.hpp"
#include "collector/formats/text.hpp"
#include "core/units.hpp"

namespace fanlight::formats {
namespace {

using profile::Change;
using profile::Diff;

std::string rate(const Diff& diff, double weight) {
  const double size = std::fabs(weight);
  std::string text = diff.unit == "nanoseconds" ? format_ns(size)
                     : diff.unit == "bytes"     ? format_bytes(size)
                                                : format_count(size);
  return (weight < 0 ? "-" : "") + text;
}

std::string signed_rate(const Diff& diff, double weight) { return (weight > 0 ? "+" : "") + rate(diff, weight); }

/// Of the first run's whole: what "5 %" means in --fail-above.
std::string points(const Diff& diff, double weight) {
  if (!(diff.whole.before > 0)) return "-";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%+.1f %%", 100 * weight / diff.whole.before);
  return text.data();
}

std::string headline(const Diff& diff) {
  return rate(diff, diff.whole.before) + " -> " + rate(diff, diff.whole.after) + " per " + clean(diff.per) + ", " +
         points(diff, diff.whole.change()) +
         (diff.whole.noise ? " (within the noise)"
                           : " (95 %: " + points(diff, diff.whole.low) + " to " + points(diff, diff.whole.high) + ")");
}

std::size_t quiet_ones(const std::vector<Change>& rows) {
  return static_cast<std::size_t>(
      std::count_if(rows.begin(), rows.end(), [](const Change& change) { return change.noise; }));
}

std::string leaf_side(const std::string& stack, std::size_t letters) {
  const std::string text = clean(stack);
  if (text.size() <= letters) return text;
  const std::size_t cut = text.find(';', text.size() - letters);
  return ".." + (cut == std::string::npos ? shortened(text, letters) : text.substr(cut));
}

std::string in_code(const std::string& name) {
  std::string text = clean(name);
  std::replace(text.begin(), text.end(), '`', '\'');
  std::string safe;
  for (const char c : text) safe += c == '|' ? "\\|" : std::string(1, c);
  return "`" + safe + "`";
}

boost::json::object of(const Change& change) {
  return {{"name", clean(change.name)},
          {"before", change.before},
          {"after", change.after},
          {"self_before", change.self_before},
          {"self_after", change.self_after},
          {"change", change.change()},
          {"low", change.low},
          {"high", change.high},
          {"noise", change.noise}};
}

}  // namespace

std::string diff_text(const Diff& diff) {
  std::string text = "All: " + headline(diff) + "\n";
  Table functions({"change", "of all", "95 % from", "to", "before", "after", "<function, with all it calls"});
  for (const Change& change : diff.functions) {
    if (change.noise || functions.size() == 20) break;
    functions.add({signed_rate(diff, change.change()), points(diff, change.change()), signed_rate(diff, change.low),
                   signed_rate(diff, change.high), rate(diff, change.before), rate(diff, change.after),
                   shortened(clean(change.name), 60)});
  }
  if (!functions.empty()) text += "\nFunctions that changed, per " + clean(diff.per) + "\n" + functions.text("  ");
  const std::size_t quiet = quiet_ones(diff.functions) + diff.functions_left_out;
  if (quiet > 0) text += "  within the noise or smaller: " + std::to_string(quiet) + " functions\n";
  Table stacks({"change", "of all", "<stack, leaf last"});
  for (const Change& change : diff.stacks) {
    if (change.noise || stacks.size() == 10) break;
    stacks.add({signed_rate(diff, change.change()), points(diff, change.change()), leaf_side(change.name, 90)});
  }
  if (!stacks.empty()) text += "\nStacks that changed\n" + stacks.text("  ");
  if (!diff.gone.empty()) {
    text += "\nOnly in the first: ";
    for (std::size_t i = 0; i < std::min<std::size_t>(diff.gone.size(), 8); ++i) {
      text += (i > 0 ? ", " : "") + shortened(clean(diff.gone[i]), 40);
    }
    if (diff.gone.size() > 8) text += " and " + std::to_string(diff.gone.size() - 8) + " more";
    text += "\n";
  }
  return text + "\n" + diff.method + "\n";
}

std::string diff_markdown(const Diff& diff) {
  std::string text = "**" + headline(diff) +
                     "**\n\n| change | of all | 95 % interval | before | after | function |\n"
                     "|---:|---:|---|---:|---:|---|\n";
  std::size_t rows = 0;
  for (const Change& change : diff.functions) {
    if (change.noise || rows == 20) break;
    ++rows;
    text += "| " + signed_rate(diff, change.change()) + " | " + points(diff, change.change()) + " | " +
            signed_rate(diff, change.low) + " to " + signed_rate(diff, change.high) + " | " +
            rate(diff, change.before) + " | " + rate(diff, change.after) + " | " + in_code(change.name) + " |\n";
  }
  if (rows == 0) text += "| | | | | | no change beyond the noise |\n";
  const std::size_t quiet = quiet_ones(diff.functions) + diff.functions_left_out;
  text += "\n" + std::to_string(quiet) + " functions within the noise or smaller. Weights per " + clean(diff.per) +
          "; " + diff.method + ".\n";
  return text;
}

std::string diff_json(const Diff& diff) {
  boost::json::array functions;
  boost::json::array stacks;
  boost::json::array gone;
  for (const Change& change : diff.functions) functions.push_back(of(change));
  for (const Change& change : diff.stacks) stacks.push_back(of(change));
  for (const std::string& name : diff.gone) gone.emplace_back(clean(name));
  const boost::json::object all{{"schema", 1},
                                {"unit", clean(diff.unit)},
                                {"per", clean(diff.per)},
                                {"amount_before", diff.amount_before},
                                {"amount_after", diff.amount_after},
                                {"method", diff.method},
                                {"whole", of(diff.whole)},
                                {"functions", std::move(functions)},
                                {"functions_left_out", diff.functions_left_out},
                                {"stacks", std::move(stacks)},
                                {"stacks_left_out", diff.stacks_left_out},
                                {"gone", std::move(gone)}};
  return boost::json::serialize(all) + "\n";
}

std::string diff_svg(const Diff& diff) {
  std::set<std::string> loud;
  for (const Change& change : diff.functions) {
    if (!change.noise) loud.insert(clean(change.name));
  }
  SvgOptions options{.title = clean(diff.after.name) + ": " + headline(diff)};
  options.before = &diff.before;
  options.quiet = [loud](const std::string& function) { return !loud.contains(function); };
  options.notes.emplace_back("red: more than before, blue: less, grey: within the noise; widths are the second run's");
  if (!diff.gone.empty()) {
    std::string line = "only in the first run: ";
    for (std::size_t i = 0; i < std::min<std::size_t>(diff.gone.size(), 5); ++i) {
      line += (i > 0 ? ", " : "") + shortened(clean(diff.gone[i]), 30);
    }
    if (diff.gone.size() > 5) line += " and " + std::to_string(diff.gone.size() - 5) + " more";
    options.notes.push_back(std::move(line));
  }
  return svg(diff.after, options);
}

}  // namespace fanlight::formats
