// Latency and the second's rhythm as heatmaps. In: a profile. Out: counts in cells, time against value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collector/profile/profile.hpp"
#include "ui/model/timeline.hpp"

namespace fanlight::ui {

/// Column by column, `rows` cells each, lowest value first.
struct Heatmap {
  std::string name;                           // "Delivery latency"
  std::vector<std::uint64_t> from_ns, to_ns;  // of each column, ascending
  std::size_t rows = 0;
  unsigned first_bucket = 0;  // of row 0, as core/histogram.hpp counts them; unused where rows are offsets
  std::vector<double> cells;  // counts per second of time, column by column
  double most = 0;
  std::string missing;  // why there is nothing
  std::size_t columns() const { return from_ns.size(); }
  double at(std::size_t column, std::size_t row) const { return cells[column * rows + row]; }
  /// The values, in ns, that a row stands for.
  std::pair<std::uint64_t, std::uint64_t> values_of(std::size_t row) const;
};

/// Over the newest `newest_ns` (0: all), neighbours joined until there are at most `most_columns`. `metric` empty: the
/// wait for a CPU; otherwise the histogram that the target or the kernel keeps under that name.
Heatmap latency_heatmap(const profile::Profile& profile, const std::string& metric, std::uint64_t newest_ns,
                        std::size_t most_columns);

/// The histograms of the profile that a heatmap can be made of: "" for the wait for a CPU, then names of metrics.
std::vector<std::string> heatmap_metrics(const profile::Profile& profile);
/// "Delivery latency", "Wait for a CPU", "Socket write".
std::string metric_title(const std::string& metric);

/// Threads running, by second (column) and by offset within it (row, `rows` of them): what happens every 100 ms stands
/// as lines. From the exact timeline; without one it says how to get it. Source: Gregg, "Subsecond-offset heat maps".
Heatmap offset_heatmap(const Timeline* timeline, std::uint64_t from_ns, std::uint64_t to_ns,
                       std::int64_t realtime_offset_ns, std::size_t rows);

}  // namespace fanlight::ui
