#include "load/verdict.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "core/units.hpp"

namespace fanlight::load {
namespace {

enum class Unit : std::uint8_t { time, count, share };

struct Figure {
  std::string_view name;
  Unit unit;
};
constexpr std::array<Figure, 20> kFigures{
    {{"p50", Unit::time},           {"p90", Unit::time},          {"p99", Unit::time},
     {"p99.9", Unit::time},         {"p99.99", Unit::time},       {"max", Unit::time},
     {"last_receiver", Unit::time}, {"first_event", Unit::time},  {"recovery", Unit::time},
     {"survival", Unit::share},     {"established", Unit::share}, {"fairness", Unit::share},
     {"delivered", Unit::count},    {"lost", Unit::count},        {"misses", Unit::count},
     {"gaps", Unit::count},         {"duplicates", Unit::count},  {"reordered", Unit::count},
     {"malformed", Unit::count},    {"refused", Unit::count}}};

const Figure* figure_named(std::string_view name) {
  for (const Figure& figure : kFigures)
    if (figure.name == name) return &figure;
  return nullptr;
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::unexpected<Error> bad(std::string_view text, const std::string& why) {
  return fail(0, "limit '" + std::string(text) + "': " + why, "for example 'p99>50ms,survival<99.2%,lost>0'");
}

Result<Limit> parse_limit(std::string_view text) {
  const std::size_t sign = text.find_first_of("<>");
  if (sign == std::string_view::npos) return bad(text, "it has neither < nor >");
  Limit limit;
  limit.text = text;
  limit.above = text[sign] == '>';
  std::string_view name = text.substr(0, sign);
  const std::string_view value = text.substr(sign + 1);
  const Figure* figure = figure_named(name);
  // A figure's own name may hold a dot: "ws.p99.9".
  for (std::size_t dot = name.find('.'); figure == nullptr && dot != std::string_view::npos;
       dot = name.find('.', dot + 1)) {
    figure = figure_named(name.substr(dot + 1));
    if (figure != nullptr) limit.scope = name.substr(0, dot);
  }
  if (figure == nullptr) return bad(text, "there is no such figure; there are " + std::string(limit_figures()));
  limit.figure = figure->name;
  if (figure->unit == Unit::time) {
    const auto time = parse_duration(value);
    if (!time || number(value)) return bad(text, "a time like 50ms is wanted");
    limit.value = static_cast<double>(time->count());
    return limit;
  }
  limit.share = value.ends_with('%');
  const auto parsed = number(limit.share ? value.substr(0, value.size() - 1) : value);
  if (!parsed || *parsed < 0) return bad(text, "a number is wanted");
  limit.value = limit.share ? *parsed / 100 : *parsed;
  const bool countable = limit.figure == "lost" || limit.figure == "misses";
  if (limit.share && figure->unit == Unit::count && !countable) return bad(text, "a count is wanted, not a share");
  return limit;
}

std::optional<Tally> tally_of(const Report& report, const std::string& scope) {
  if (scope.empty()) return report.total();
  for (const GroupReport& group : report.groups)
    if (label_of(group.group) == scope) return group.tally;
  for (const Protocol protocol : kAllProtocols)
    if (name_of(protocol) == scope && report.has(protocol)) return report.of(protocol);
  return std::nullopt;
}

constexpr double kMissing = std::numeric_limits<double>::infinity();

double or_missing(const std::optional<std::uint64_t>& value) { return value ? static_cast<double>(*value) : kMissing; }

double p99(const Latencies& latencies, std::uint64_t misses = 0) {
  return or_missing(percentile_with_misses(latencies, misses, 0.99));
}

/// kMissing: there is none.
double value_of(const Limit& limit, const Tally& tally, const Report& report) {
  const auto share = [](double part, double all) { return all > 0 ? part / all : kMissing; };
  const auto count = [&](std::uint64_t number, std::uint64_t of) {
    return limit.share ? share(static_cast<double>(number), static_cast<double>(of)) : static_cast<double>(number);
  };
  const std::string& name = limit.figure;
  if (name == "max")
    return report.misses(tally) > 0 || tally.received == 0 ? kMissing : static_cast<double>(tally.latency().max());
  if (name.starts_with('p')) return or_missing(report.latency(tally, *number(std::string_view(name).substr(1)) / 100));
  if (name == "last_receiver") return p99(report.last_receiver, report.last_receiver_misses);
  if (name == "first_event") return p99(tally.first_event);
  if (name == "recovery") return p99(tally.recovery);
  if (name == "survival")
    return share(static_cast<double>(tally.established - tally.disconnected), static_cast<double>(tally.established));
  if (name == "established") return share(static_cast<double>(tally.established), static_cast<double>(tally.wanted));
  if (name == "fairness") return tally.deliveries.count > 0 ? tally.deliveries.index() : kMissing;
  if (name == "delivered") return report.delivered_per_second(tally);
  if (name == "lost") return count(report.lost(tally), report.expected(tally));
  if (name == "misses") return count(report.misses(tally), report.expected(tally));
  if (name == "gaps") return static_cast<double>(tally.gaps);
  if (name == "duplicates") return static_cast<double>(tally.duplicates);
  if (name == "reordered") return static_cast<double>(tally.reordered + tally.late);
  if (name == "malformed") return static_cast<double>(tally.malformed + tally.bad_ids + tally.bad_comments);
  return static_cast<double>(report.published.refused);
}

std::string text_of(const Limit& limit, double value) {
  if (value == kMissing) return "there is none";
  if (figure_named(limit.figure)->unit == Unit::time) return format_ns(value);
  if (limit.share || figure_named(limit.figure)->unit == Unit::share) {
    char words[64];
    std::snprintf(words, sizeof words, "%.4g %%", value * 100);
    return words;
  }
  return format_count(value);
}

}  // namespace

std::string_view limit_figures() {
  return "p50 p90 p99 p99.9 p99.99 max last_receiver first_event recovery (their p99), survival established fairness, "
         "delivered lost misses gaps duplicates reordered malformed refused";
}

Result<std::vector<Limit>> parse_limits(std::string_view text) {
  std::vector<Limit> limits;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    std::string_view one = text.substr(0, comma);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    auto limit = parse_limit(one);
    if (!limit) return std::unexpected(std::move(limit.error()));
    limits.push_back(std::move(*limit));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return limits;
}

Result<> check(const std::vector<Limit>& limits, const Plan& plan) {
  Report empty;
  for (const Group& group : plan.groups) empty.groups.push_back({group, {}});
  for (const Limit& limit : limits)
    if (!tally_of(empty, limit.scope)) return bad(limit.text, "this run has no '" + limit.scope + "'");
  return {};
}

Result<std::vector<std::string>> broken_limits(const std::vector<Limit>& limits, const Report& report) {
  std::vector<std::string> broken;
  for (const Limit& limit : limits) {
    const auto tally = tally_of(report, limit.scope);
    if (!tally) return bad(limit.text, "this run has no '" + limit.scope + "'");
    const double value = value_of(limit, *tally, report);
    if (value == kMissing || (limit.above ? value > limit.value : value < limit.value))
      broken.push_back(limit.text + ": " + text_of(limit, value));
  }
  return broken;
}

}  // namespace fanlight::load
