#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <unordered_map>

#include "collector/formats/causes.hpp"
#include "collector/profile/merge.hpp"
#include "core/units.hpp"
#include "ui/viewmodel/flame_layout.hpp"
#include "ui/viewmodel/table_set.hpp"
#include "ui/viewmodel/tables.hpp"

namespace fanlight::ui {
namespace {

double number(std::uint64_t count) { return static_cast<double>(count); }

std::string times_text(double after, double before) {
  if (!(before > 0)) return after > 0 ? "new" : "-";
  const double change = after / before - 1;
  char text[32];
  if (change > 9)
    std::snprintf(text, sizeof text, "%.0f x", change + 1);
  else
    std::snprintf(text, sizeof text, "%+.0f %%", change * 100);
  return text;
}

void section(Table& table, std::string words) {
  table.rows.push_back({.cells = {{.text = std::move(words), .tone = Tone::accent}}, .section = true});
}

/// One number of both stretches, per second where it grows with time.
struct Pair {
  std::string name;
  double after = 0, before = 0;
  std::string (*words)(double);
  double worth_telling = 0.1;  // as a share of the larger
};

std::string rate_words(double value) { return format_count(value) + "/s"; }

std::vector<Pair> compared(const profile::Profile& now, const profile::Profile& then) {
  const double seconds = seconds_of(now), seconds_before = seconds_of(then);
  std::vector<Pair> pairs;
  const PerReason after = profile::totals(now), before = profile::totals(then);
  const auto after_bands = by_band(after), before_bands = by_band(before);
  for (std::size_t band = 0; band < kBands.size(); ++band) {
    const double here = number(after_bands[band]) / (seconds * 1e9);
    const double there = number(before_bands[band]) / (seconds_before * 1e9);
    // Of less than a hundredth of a thread nobody needs to hear that it has doubled.
    if (here < 0.01 && there < 0.01) continue;
    pairs.push_back({"threads " + std::string(band_name(band)), here, there, format_count});
  }
  KernelHistogram queue_after, queue_before;
  for (const profile::Thread& thread : now.threads) queue_after.merge(thread.run_queue_ns);
  for (const profile::Thread& thread : then.threads) queue_before.merge(thread.run_queue_ns);
  if (queue_after.count() > 0 && queue_before.count() > 0)
    pairs.push_back({"wait for a CPU, p99", number(queue_after.percentile(0.99)), number(queue_before.percentile(0.99)),
                     format_ns, 0.2});
  for (const profile::Metric& one : now.metrics) {
    const profile::Metric* other = metric(then.metrics, one.name);
    if (other == nullptr) continue;
    std::string name = one.name;
    std::replace(name.begin(), name.end(), '_', ' ');
    switch (one.kind) {
      case profile::Metric::Kind::counter:
        pairs.push_back({name, one.value / seconds, other->value / seconds_before, rate_words});
        break;
      case profile::Metric::Kind::gauge: pairs.push_back({name, one.value, other->value, format_count}); break;
      case profile::Metric::Kind::histogram:
        if (one.histogram.count() > 0 && other->histogram.count() > 0)
          pairs.push_back({name + ", p99", number(one.histogram.percentile(0.99)),
                           number(other->histogram.percentile(0.99)), format_ns, 0.2});
        break;
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) {
    const auto weight = [](const Pair& p) { return std::fabs(std::log((p.after + 1e-9) / (p.before + 1e-9))); };
    return weight(a) > weight(b);
  });
  return pairs;
}

}  // namespace

Table why_table(const profile::Profile& profile, const profile::Profile* before, const FlameTree& flame) {
  Table table{.title = "Why was it slow here?",
              .columns = {{"what stands out", 0, false}, {"here", 84}, {"before", 84}, {"change", 70}},
              .empty = "Nothing was seen in this time."};
  if (profile.threads.empty() && profile.samples.empty() && profile.metrics.empty()) return table;
  section(table, "What stands out");
  const auto causes = formats::causes(profile, 10);
  for (const formats::Cause& cause : causes) {
    TableRow row;
    row.cells = {{.text = cause.sentence,
                  .tone = cause.of_a_lock ? Tone::bad : Tone::plain,
                  .tip = cause.sentence + "\n" + format_ns(number(cause.ns)) + " of all threads together"}};
    table.rows.push_back(std::move(row));
  }
  if (causes.empty())
    table.rows.push_back(
        {.cells = {text_cell("Nothing: every thread worked little or waited for something to do.", Tone::muted)}});
  if (before == nullptr) {
    section(table, "Against the time before: none is kept of that length; look at a shorter stretch");
    return table;
  }
  table.note = format_ns(seconds_of(profile) * 1e9) + " here, " + format_ns(seconds_of(*before) * 1e9) + " before it";
  section(table, "Numbers that changed against the time before");
  constexpr std::size_t kMost = 14;
  std::size_t told = 0;
  for (const Pair& pair : compared(profile, *before)) {
    const double larger = std::max(pair.after, pair.before);
    if (told == kMost || larger <= 0 || std::fabs(pair.after - pair.before) < larger * pair.worth_telling) continue;
    ++told;
    TableRow row;
    row.cells = {text_cell(pair.name),
                 {.text = pair.words(pair.after), .number = pair.after},
                 {.text = pair.words(pair.before), .number = pair.before, .tone = Tone::muted},
                 {.text = times_text(pair.after, pair.before),
                  .number = pair.after - pair.before,
                  .tone = pair.after > pair.before ? Tone::warn : Tone::good}};
    table.rows.push_back(std::move(row));
  }
  if (told == 0) table.rows.push_back({.cells = {text_cell("None, by a tenth or more.", Tone::muted)}});
  if (flame.compared) {
    const double change = flame.before == 0 ? 0 : number(flame.root().total) / number(flame.before) - 1;
    char text[160];
    std::snprintf(text, sizeof text, "The view %s as a whole: %+.1f %%; its functions are in the panel What changed",
                  flame.view.c_str(), change * 100);
    section(table, text);
  }
  return table;
}

Table changes_table(const profile::WeightedStacks& stacks, const profile::WeightedStacks* before, double scale) {
  Table table{.title = "What changed",
              .note = "certain changes first, by what changed in the function itself",
              .columns = {{"itself", 76},
                          {"with callees", 82},
                          {"certain to", 72, true, "of the change with callees: half of its 95 % interval"},
                          {"here", 70},
                          {"before", 70},
                          {"function", 0, false}}};
  if (before == nullptr) {
    table.empty =
        "There is no time before this that is as long. Choose a stretch in \"Time per state\" or the timeline.";
    return table;
  }
  struct Sums {
    double after = 0, before = 0, variance = 0;
    double self = 0;  // change of what ends in it
  };
  std::map<std::string, Sums> functions;
  const auto add = [&](const profile::WeightedStacks& set, double factor, double Sums::* into) {
    std::vector<std::string> seen;
    for (const profile::WeightedStack& stack : set.stacks) {
      seen.clear();
      if (!stack.frames.empty())
        functions[set.frames[stack.frames.back()].name].self +=
            number(stack.weight) * factor * (into == &Sums::after ? 1 : -1);
      for (const profile::FrameId id : stack.frames) {
        const profile::Frame& frame = set.frames[id];
        if (frame.origin == profile::FrameOrigin::marker && !frame.name.starts_with('[')) continue;
        if (std::find(seen.begin(), seen.end(), frame.name) != seen.end()) continue;
        seen.push_back(frame.name);
        Sums& sums = functions[frame.name];
        sums.*into += number(stack.weight) * factor;
        sums.variance += stack.variance * factor * factor;
      }
    }
  };
  add(stacks, 1, &Sums::after);
  add(*before, scale, &Sums::before);
  const double whole = std::max(number(stacks.total()), number(before->total()) * scale);
  std::vector<std::pair<std::string, Sums>> rows(functions.begin(), functions.end());
  const auto sure = [&](const Sums& sums) {
    const double change = std::fabs(sums.after - sums.before);
    return change > 1.96 * std::sqrt(sums.variance) && change > whole * 0.005;
  };
  std::stable_sort(rows.begin(), rows.end(), [&](const auto& a, const auto& b) {
    // What only passed a change on, from callee to caller, comes after what made it.
    const auto made = [&](const Sums& sums) { return sure(sums) && sums.self != 0; };
    if (made(a.second) != made(b.second)) return made(a.second);
    if (a.second.self != 0 || b.second.self != 0) return std::fabs(a.second.self) > std::fabs(b.second.self);
    return std::fabs(a.second.after - a.second.before) > std::fabs(b.second.after - b.second.before);
  });
  constexpr std::size_t kMost = 200;
  const bool bytes = stacks.unit == "bytes", time = stacks.unit == "nanoseconds";
  const auto words = [&](double value) {
    return time ? format_ns(value) : bytes ? format_bytes(value) : format_count(value);
  };
  for (const auto& [name, sums] : rows) {
    if (table.rows.size() == kMost) break;
    const double change = sums.after - sums.before;
    const bool certain = sure(sums);
    const Tone tone = !certain ? Tone::faint : change > 0 ? Tone::bad : Tone::good;
    TableRow row{.choose = {Choose::What::function, name}};
    const auto signed_words = [&](double value) { return value == 0 ? "-" : (value > 0 ? "+" : "") + words(value); };
    row.cells = {{.text = signed_words(sums.self), .number = sums.self, .tone = sums.self == 0 ? Tone::faint : tone},
                 {.text = signed_words(change), .number = change, .tone = tone},
                 {.text = "\u00b1 " + words(1.96 * std::sqrt(sums.variance)),
                  .number = 1.96 * std::sqrt(sums.variance),
                  .tone = Tone::faint},
                 {.text = sums.after == 0 ? "-" : words(sums.after), .number = sums.after},
                 {.text = sums.before == 0 ? "-" : words(sums.before), .number = sums.before, .tone = Tone::muted},
                 {.text = short_name(name), .tone = certain ? Tone::plain : Tone::faint, .tip = name}};
    table.rows.push_back(std::move(row));
  }
  if (table.rows.empty()) table.empty = "Neither stretch of time has a stack in this view.";
  return table;
}

Table source_table(const profile::WeightedStacks& stacks, const std::string& function) {
  Table table{.title = "Source", .columns = {{"line", 48}, {"itself", 60}, {"with callees", 80}, {"", 0, false}}};
  if (function.empty()) {
    table.empty =
        "Click a function in the flame graph or in Functions; its lines come here, where the file is on this machine.";
    return table;
  }
  struct Weights {
    double self = 0, total = 0;
  };
  std::map<std::string, std::map<std::uint32_t, Weights>> files;
  for (const profile::WeightedStack& stack : stacks.stacks) {
    for (std::size_t i = 0; i < stack.frames.size(); ++i) {
      const profile::Frame& frame = stacks.frames[stack.frames[i]];
      if (frame.name != function || frame.file.empty()) continue;
      Weights& at = files[frame.file][frame.line];
      at.total += number(stack.weight);
      if (i + 1 == stack.frames.size()) at.self += number(stack.weight);
    }
  }
  if (files.empty()) {
    table.empty = "No line of " + short_name(function) +
                  " is known: its file has no debug information here (build with -g1, or install the -dbgsym package).";
    return table;
  }
  const double whole = number(stacks.total());
  for (const auto& [path, lines] : files) {
    table.note = path;
    // What a stranger's recording names is opened only where it is an ordinary file of a sane size.
    constexpr std::uintmax_t kLargest = 4u << 20;
    std::error_code unreadable;
    std::vector<std::string> text;
    if (std::filesystem::is_regular_file(path, unreadable) &&
        std::filesystem::file_size(path, unreadable) <= kLargest) {
      std::ifstream file(path);
      for (std::string line; std::getline(file, line);) {
        std::string shown;
        for (const char c : line)
          shown += c == '\t' ? std::string("    ") : std::string(1, static_cast<unsigned char>(c) < 32 ? ' ' : c);
        text.push_back(std::move(shown));
      }
    }
    constexpr std::uint32_t kAround = 8;
    const std::uint32_t first = lines.begin()->first > kAround ? lines.begin()->first - kAround : 1;
    const std::uint32_t last = lines.rbegin()->first + kAround;
    if (text.empty()) table.note += " (not on this machine; the lines alone)";
    for (std::uint32_t line = first; line <= last; ++line) {
      const auto found = lines.find(line);
      if (found == lines.end() && (text.empty() || line > text.size() || last - first > 4000)) continue;
      const Weights at = found == lines.end() ? Weights{} : found->second;
      const double self = whole > 0 ? at.self / whole : 0, total = whole > 0 ? at.total / whole : 0;
      TableRow row;
      row.cells = {{.text = std::to_string(line), .number = line, .tone = Tone::faint},
                   share_cell(self),
                   share_cell(total),
                   text_cell(line <= text.size() ? text[line - 1] : "", total > 0 ? Tone::plain : Tone::muted)};
      row.cells[1].bar = self;
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

}  // namespace fanlight::ui
