#include "ui/viewmodel/series.hpp"

#include <algorithm>
#include <cmath>

#include "collector/profile/merge.hpp"
#include "ui/viewmodel/measured.hpp"

namespace fanlight::ui {
namespace {

std::size_t band_of(Reason reason) {
  if (state_of(reason) == State::runnable) reason = Reason::runnable_queued;
  for (std::size_t band = 0; band < kBands.size(); ++band)
    if (kBands[band] == reason) return band;
  return kBands.size() - 3;  // other
}

/// Joins `more` to the end of `into`; they are neighbours in time.
void join(profile::SecondPoint& into, const profile::SecondPoint& more) {
  into.to_ns = more.to_ns;
  for (std::size_t i = 0; i < kReasons; ++i) into.ns[i] += more.ns[i];
  into.samples += more.samples;
  into.dropped += more.dropped;
  into.run_queue_ns.merge(more.run_queue_ns);
  profile::add(into.socket, more.socket);
  for (const profile::Metric& metric_more : more.metrics) {
    const auto same = std::find_if(into.metrics.begin(), into.metrics.end(),
                                   [&](const profile::Metric& m) { return m.name == metric_more.name; });
    if (same == into.metrics.end())
      into.metrics.push_back(metric_more);
    else
      profile::add(*same, metric_more);
  }
}

std::vector<profile::SecondPoint> newest_points(const profile::Profile& profile, std::uint64_t newest_ns,
                                                std::size_t max_points) {
  std::vector<profile::SecondPoint> points;
  if (profile.seconds.empty() || max_points == 0) return points;
  const std::uint64_t end = profile.seconds.back().to_ns;
  const std::uint64_t begin = newest_ns == 0 || end < newest_ns ? 0 : end - newest_ns;
  const auto shown = [begin](const profile::SecondPoint& p) { return p.to_ns > begin && p.to_ns > p.from_ns; };
  const auto count = static_cast<std::size_t>(std::count_if(profile.seconds.begin(), profile.seconds.end(), shown));
  const std::size_t group = std::max<std::size_t>(1, (count + max_points - 1) / max_points);
  std::size_t in_group = 0;
  for (const profile::SecondPoint& second : profile.seconds) {
    if (!shown(second)) continue;
    if (in_group == 0)
      points.push_back(second);
    else
      join(points.back(), second);
    in_group = (in_group + 1) % group;
  }
  return points;
}

std::optional<double> rate(double count, double seconds) {
  if (seconds < kShortestRate) return std::nullopt;
  return count / seconds;
}

std::optional<double> rate(const profile::Metric* counter, double seconds) {
  return counter == nullptr ? std::nullopt : rate(counter->value, seconds);
}

std::optional<double> percentile(const KernelHistogram& histogram, double fraction) {
  if (histogram.count() == 0) return std::nullopt;
  return static_cast<double>(histogram.percentile(fraction));
}

bool any(const std::vector<profile::SecondPoint>& points, std::string_view name) {
  return std::any_of(points.begin(), points.end(),
                     [name](const profile::SecondPoint& point) { return metric(point.metrics, name) != nullptr; });
}

}  // namespace

std::string_view band_name(std::size_t band) {
  const Reason reason = kBands[band];
  if (reason == Reason::runnable_queued) return "runnable";
  if (reason == Reason::event) return "signal/child";
  if (reason == Reason::poll) return "idle";
  return name_of(reason);
}

std::array<std::uint64_t, kBands.size()> by_band(const PerReason& ns) {
  std::array<std::uint64_t, kBands.size()> bands{};
  for (std::size_t i = 0; i < kReasons; ++i) bands[band_of(static_cast<Reason>(i))] += ns[i];
  return bands;
}

double Line::top() const {
  double highest = 0;
  for (const auto& value : values) highest = std::max(highest, value.value_or(0));
  return highest;
}

std::optional<double> Line::last() const {
  for (auto value = values.rbegin(); value != values.rend(); ++value)
    if (*value) return *value;
  return std::nullopt;
}

Series build_series(const profile::Profile& profile, std::uint64_t newest_ns, std::size_t max_points) {
  Series series;
  const auto points = newest_points(profile, newest_ns, max_points);
  const bool own_throughput = any(points, "deliveries") || any(points, "publishes");
  const bool own_latency = any(points, "delivery_latency");
  series.throughput_a.name = own_throughput ? "deliveries/s" : "socket writes/s";
  series.throughput_b.name = own_throughput ? "publishes/s" : "";
  series.throughput_unit = "/s";
  series.latency_name = own_latency ? "Delivery latency" : "Run-queue latency";
  const auto no_sockets = unmeasured(profile.target, kSocketWrites), no_states = unmeasured(profile.target, kScheduler);
  if (!own_throughput && no_sockets) series.throughput_missing = *no_sockets;
  if (!own_latency && no_states) series.latency_missing = *no_states;
  series.latency_p50.name = "p50";
  series.latency_p99.name = "p99";
  series.latency_p999.name = "p99.9";
  series.errors.name = "failed writes/s";
  series.would_block.name = "would block/s";
  series.lost.name = "records lost/s";
  if (no_sockets) series.errors_missing = *no_sockets;
  for (const profile::SecondPoint& point : points) {
    const double ns = static_cast<double>(point.to_ns - point.from_ns);
    const double seconds = ns / 1e9;
    series.time.from_ns.push_back(point.from_ns);
    series.time.to_ns.push_back(point.to_ns);
    const auto bands = by_band(point.ns);
    double column = 0;
    for (std::size_t band = 0; band < kBands.size(); ++band) {
      const double threads = static_cast<double>(bands[band]) / ns;
      series.threads[band].push_back(threads);
      column += threads;
    }
    series.top = std::max(series.top, column);
    series.top_without_idle = std::max(series.top_without_idle, column - series.threads[kIdleBand].back());
    series.losses.push_back(static_cast<double>(point.dropped));
    const auto counted = [&](std::uint64_t number) {
      return no_sockets ? std::nullopt : rate(static_cast<double>(number), seconds);
    };
    const std::optional<double> writes = counted(point.socket.writes);
    series.socket_writes.values.push_back(writes);
    series.socket_bytes.values.push_back(counted(point.socket.bytes));
    series.cpus.values.push_back(no_states ? std::nullopt : rate(static_cast<double>(bands[0]) / 1e9, seconds));
    series.run_queue_p99.values.push_back(percentile(point.run_queue_ns, 0.99));
    const profile::Metric* connections = metric(point.metrics, "connections");
    series.connections.values.push_back(connections ? std::optional(connections->value) : std::nullopt);
    series.throughput_a.values.push_back(own_throughput ? rate(metric(point.metrics, "deliveries"), seconds) : writes);
    series.throughput_b.values.push_back(own_throughput ? rate(metric(point.metrics, "publishes"), seconds)
                                                        : std::nullopt);
    const profile::Metric* latency = metric(point.metrics, "delivery_latency");
    const KernelHistogram histogram = !own_latency         ? point.run_queue_ns
                                      : latency != nullptr ? latency->histogram
                                                           : KernelHistogram{};
    series.latency_p50.values.push_back(percentile(histogram, 0.50));
    series.latency_p99.values.push_back(percentile(histogram, 0.99));
    series.latency_p999.values.push_back(percentile(histogram, 0.999));
    series.errors.values.push_back(counted(point.socket.errors));
    series.would_block.values.push_back(counted(point.socket.would_block));
    series.lost.values.push_back(rate(static_cast<double>(point.dropped), seconds));
  }
  return series;
}

const profile::Metric* metric(const std::vector<profile::Metric>& metrics, std::string_view name) {
  for (const profile::Metric& candidate : metrics)
    if (candidate.name == name) return &candidate;
  return nullptr;
}

Axis axis_for(double value, bool whole) {
  constexpr int kMostSteps = 5;
  if (!(value > 0) || !std::isfinite(value)) value = 1;
  double power = std::pow(10.0, std::floor(std::log10(value)) - 1);
  for (;; power *= 10) {
    for (const double digit : {1.0, 2.0, 5.0}) {
      const double step = digit * power;
      if (whole && step < 1 - 1e-9) continue;
      const double steps = std::ceil(value / step * (1 - 1e-9));
      if (steps <= kMostSteps) return {whole ? std::round(step) : step, std::max(1, static_cast<int>(steps))};
    }
  }
}

}  // namespace fanlight::ui
