#include "ui/viewmodel/heatmap.hpp"

#include <algorithm>
#include <set>

#include "ui/viewmodel/measured.hpp"
#include "ui/viewmodel/series.hpp"

namespace fanlight::ui {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

const KernelHistogram* histogram_of(const profile::SecondPoint& second, const std::string& name) {
  if (name.empty()) return &second.run_queue_ns;
  const profile::Metric* found = metric(second.metrics, name);
  return found == nullptr ? nullptr : &found->histogram;
}

std::string why_nothing(const profile::Profile& profile, const std::string& name) {
  if (name.empty())
    if (const auto why = unmeasured(profile.target, kScheduler)) return "Waits for a CPU: " + *why;
  return "Nothing was counted in this time.";
}

}  // namespace

std::pair<std::uint64_t, std::uint64_t> Heatmap::values_of(std::size_t row) const {
  const auto bucket = first_bucket + static_cast<unsigned>(row);
  return {fanlight_bucket_low(bucket, KernelHistogram::kBits), fanlight_bucket_low(bucket + 1, KernelHistogram::kBits)};
}

Heatmap latency_heatmap(const profile::Profile& profile, const std::string& name, std::uint64_t newest_ns,
                        std::size_t most_columns) {
  Heatmap map{.name = metric_title(name)};
  std::vector<const profile::SecondPoint*> shown;
  const std::uint64_t end = profile.seconds.empty() ? 0 : profile.seconds.back().to_ns;
  const std::uint64_t begin = newest_ns == 0 || end < newest_ns ? 0 : end - newest_ns;
  std::size_t lowest = ~std::size_t{0}, highest = 0;
  for (const profile::SecondPoint& second : profile.seconds) {
    if (second.to_ns <= begin || second.to_ns <= second.from_ns) continue;
    shown.push_back(&second);
    const KernelHistogram* histogram = histogram_of(second, name);
    if (histogram == nullptr) continue;
    const auto counts = histogram->counts();
    for (std::size_t bucket = 0; bucket < counts.size(); ++bucket) {
      if (counts[bucket] == 0) continue;
      lowest = std::min(lowest, bucket);
      highest = std::max(highest, bucket);
    }
  }
  if (lowest > highest || most_columns == 0) {
    map.missing = why_nothing(profile, name);
    return map;
  }
  map.first_bucket = static_cast<unsigned>(lowest);
  map.rows = highest - lowest + 1;
  const std::size_t group = (shown.size() + most_columns - 1) / most_columns;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    if (i % group == 0) {
      map.from_ns.push_back(shown[i]->from_ns);
      map.to_ns.push_back(shown[i]->to_ns);
      map.cells.resize(map.cells.size() + map.rows);
    }
    map.to_ns.back() = shown[i]->to_ns;
    const KernelHistogram* histogram = histogram_of(*shown[i], name);
    if (histogram == nullptr) continue;
    const auto counts = histogram->counts();
    for (std::size_t bucket = lowest; bucket < counts.size(); ++bucket)
      map.cells[(map.columns() - 1) * map.rows + bucket - lowest] += static_cast<double>(counts[bucket]);
  }
  for (std::size_t column = 0; column < map.columns(); ++column) {
    const double seconds = static_cast<double>(map.to_ns[column] - map.from_ns[column]) / 1e9;
    for (std::size_t row = 0; row < map.rows; ++row) {
      double& cell = map.cells[column * map.rows + row];
      cell /= seconds;
      map.most = std::max(map.most, cell);
    }
  }
  return map;
}

std::vector<std::string> heatmap_metrics(const profile::Profile& profile) {
  std::vector<std::string> names;
  std::set<std::string> seen;
  const auto take = [&](const std::vector<profile::Metric>& metrics) {
    for (const profile::Metric& one : metrics)
      if (one.kind == profile::Metric::Kind::histogram && seen.insert(one.name).second) names.push_back(one.name);
  };
  for (const profile::SecondPoint& second : profile.seconds) take(second.metrics);
  take(profile.metrics);
  std::stable_sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return (a == "delivery_latency") > (b == "delivery_latency");
  });
  names.emplace_back();
  return names;
}

std::string metric_title(const std::string& name) {
  if (name.empty()) return "Wait for a CPU";
  if (name == "kernel_tcp_write") return "Socket write";
  if (name == "kernel_tcp_write_acknowledged") return "Write until acknowledged";
  if (name == "kernel_tcp_handshake") return "TCP handshake";
  if (name == "kernel_tcp_connect") return "TCP connect";
  std::string title = name;
  std::replace(title.begin(), title.end(), '_', ' ');
  if (!title.empty() && title[0] >= 'a' && title[0] <= 'z') title[0] = static_cast<char>(title[0] - 'a' + 'A');
  return title;
}

Heatmap offset_heatmap(const Timeline* timeline, std::uint64_t from_ns, std::uint64_t to_ns,
                       std::int64_t realtime_offset_ns, std::size_t rows) {
  Heatmap map{.name = "Running, by offset within the second", .rows = rows};
  if (timeline == nullptr || timeline->empty()) {
    map.missing =
        "This needs every change of state: sudo fanlight attach --pid PID --trace (a recording: record --trace).";
    return map;
  }
  // Seconds of the clock on the wall: what happens every full second stands in one row.
  const auto shift = static_cast<std::uint64_t>(realtime_offset_ns) % kSecond;
  const std::uint64_t begin = std::max(from_ns, timeline->from_ns()), end = std::min(to_ns, timeline->to_ns());
  if (begin >= end || rows == 0) {
    map.missing = "No record of the timeline lies within this time.";
    return map;
  }
  constexpr std::size_t kMostColumns = 600;
  std::uint64_t second = begin - std::min(begin, (begin + shift) % kSecond);
  if (end - second > kMostColumns * kSecond) second = end - kMostColumns * kSecond;
  for (; second < end; second += kSecond) {
    map.from_ns.push_back(second);
    map.to_ns.push_back(second + kSecond);
    std::vector<double> column(rows);
    for (TrackId track = 0; track < timeline->tracks().size(); ++track) {
      const auto sums = timeline->columns(track, second, second + kSecond, rows);
      for (std::size_t row = 0; row < rows; ++row)
        column[row] += static_cast<double>(sums[row][static_cast<std::size_t>(Reason::running)]);
    }
    for (double& cell : column) {
      cell /= static_cast<double>(kSecond) / static_cast<double>(rows);
      map.most = std::max(map.most, cell);
    }
    map.cells.insert(map.cells.end(), column.begin(), column.end());
  }
  return map;
}

}  // namespace fanlight::ui
