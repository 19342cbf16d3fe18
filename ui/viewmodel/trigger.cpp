#include "ui/viewmodel/trigger.hpp"

#include <algorithm>
#include <charconv>

#include "core/units.hpp"
#include "ui/viewmodel/series.hpp"

namespace fanlight::ui {
namespace {

std::string trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return std::string(text);
}

constexpr std::string_view kPercentiles[] = {"p50", "p90", "p99", "p99.9", "max"};

std::optional<double> fraction_of(std::string_view word) {
  if (word == "p50") return 0.5;
  if (word == "p90") return 0.9;
  if (word == "p99") return 0.99;
  if (word == "p99.9") return 0.999;
  if (word == "max") return 1.0;
  return std::nullopt;
}

bool is_time(const Trigger& trigger) {
  const std::size_t blank = trigger.metric.rfind(' ');
  return fraction_of(std::string_view(trigger.metric).substr(blank == std::string::npos ? 0 : blank + 1)).has_value();
}

std::optional<double> percentile(const KernelHistogram& histogram, double fraction) {
  if (histogram.count() == 0) return std::nullopt;
  return static_cast<double>(histogram.percentile(fraction));
}

}  // namespace

std::vector<std::string> trigger_metrics() {
  std::vector<std::string> names(std::begin(kPercentiles), std::end(kPercentiles));
  names.insert(names.end(), {"run queue p99", "throughput", "errors", "losses", "writes", "cpus"});
  for (std::size_t band = 0; band < kBands.size(); ++band) names.emplace_back(band_name(band));
  return names;
}

Result<Trigger> parse_trigger(std::string_view text) {
  const auto refuse = [text](const std::string& why) {
    return fail(0, "'" + std::string(text) + "' " + why, "write it like: p99 > 20ms, or: deliveries < 1000");
  };
  constexpr std::size_t kLongest = 200;
  if (text.size() > kLongest) return refuse("is too long");
  const std::size_t at = text.find_first_of("<>");
  if (at == std::string_view::npos) return refuse("has neither < nor >");
  Trigger trigger{.text = trimmed(text), .metric = trimmed(text.substr(0, at)), .above = text[at] == '>'};
  std::string value = trimmed(text.substr(at + 1));
  if (value.ends_with("/s")) value = trimmed(std::string_view(value).substr(0, value.size() - 2));
  if (trigger.metric.empty()) return refuse("names no metric");
  std::string packed;
  for (const char c : value)
    if (c != ' ') packed += c;
  const auto [end, ec] = std::from_chars(packed.data(), packed.data() + packed.size(), trigger.value);
  if (ec != std::errc{}) return refuse("has no number behind the comparison");
  const std::string_view unit(end, packed.data() + packed.size());
  constexpr std::pair<std::string_view, double> kUnits[] = {{"ns", 1},  {"us", 1e3}, {"ms", 1e6}, {"s", 1e9},
                                                            {"k", 1e3}, {"M", 1e6},  {"%", 0.01}};
  const auto known = std::find_if(std::begin(kUnits), std::end(kUnits), [&](const auto& u) { return u.first == unit; });
  if (!unit.empty() && known == std::end(kUnits)) return refuse("has an unknown unit '" + std::string(unit) + "'");
  const bool time = is_time(trigger);
  if (unit.empty() && time && trigger.value != 0) return refuse("needs a unit: ns, us, ms or s");
  if (!unit.empty()) trigger.value *= known->second;
  return trigger;
}

std::optional<double> trigger_value(const Trigger& trigger, const profile::SecondPoint& second) {
  const double seconds = static_cast<double>(second.to_ns - second.from_ns) / 1e9;
  if (!(seconds > 0)) return std::nullopt;
  const std::string& name = trigger.metric;
  const auto counter = [&](std::string_view which) -> std::optional<double> {
    const profile::Metric* found = metric(second.metrics, which);
    if (found == nullptr || seconds < kShortestRate) return std::nullopt;
    return found->value / seconds;
  };
  if (const auto fraction = fraction_of(name)) {
    const profile::Metric* own = metric(second.metrics, "delivery_latency");
    return percentile(own != nullptr ? own->histogram : second.run_queue_ns, *fraction);
  }
  if (name == "run queue p99") return percentile(second.run_queue_ns, 0.99);
  if (name == "throughput") {
    if (const auto own = counter("deliveries")) return own;
    return static_cast<double>(second.socket.writes) / seconds;
  }
  if (name == "errors") return static_cast<double>(second.socket.errors) / seconds;
  if (name == "losses") return static_cast<double>(second.dropped);
  if (name == "writes") return static_cast<double>(second.socket.writes) / seconds;
  const auto bands = by_band(second.ns);
  if (name == "cpus") return static_cast<double>(bands[0]) / (seconds * 1e9);
  for (std::size_t band = 0; band < kBands.size(); ++band)
    if (name == band_name(band)) return static_cast<double>(bands[band]) / (seconds * 1e9);
  const std::size_t blank = name.rfind(' ');
  if (blank != std::string::npos) {
    const auto fraction = fraction_of(std::string_view(name).substr(blank + 1));
    const profile::Metric* found = metric(second.metrics, std::string_view(name).substr(0, blank));
    if (fraction && found != nullptr) return percentile(found->histogram, *fraction);
  }
  const profile::Metric* found = metric(second.metrics, name);
  if (found == nullptr) return std::nullopt;
  return found->kind == profile::Metric::Kind::gauge ? std::optional(found->value) : counter(name);
}

std::optional<Fired> first_fired(const Trigger& trigger, const profile::Profile& profile, std::uint64_t after_ns) {
  const auto first = std::partition_point(profile.seconds.begin(), profile.seconds.end(),
                                          [&](const profile::SecondPoint& second) { return second.to_ns <= after_ns; });
  for (auto second = first; second != profile.seconds.end(); ++second) {
    const auto value = trigger_value(trigger, *second);
    if (value && (trigger.above ? *value > trigger.value : *value < trigger.value))
      return Fired{second->from_ns, second->to_ns, *value};
  }
  return std::nullopt;
}

std::string trigger_words(const Trigger& trigger, double value) {
  return is_time(trigger) ? format_ns(value) : format_count(value);
}

}  // namespace fanlight::ui
