// Numbers over time. In: `Profile::seconds`. Out: bands and lines, ready to be drawn one column per point.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collector/profile/profile.hpp"

namespace fanlight::ui {

/// What the stacked plot tells apart: the three runnable reasons are one band; idle waiting comes last, on top.
inline constexpr std::array<Reason, 13> kBands{Reason::running,     Reason::runnable_queued, Reason::futex,
                                               Reason::socket_send, Reason::socket_receive,  Reason::pipe,
                                               Reason::disk,        Reason::page_fault,      Reason::mmap_lock,
                                               Reason::other,       Reason::sleep,           Reason::event,
                                               Reason::poll};
inline constexpr std::size_t kIdleBand = kBands.size() - 1;

/// "running", "runnable", "futex", ..., "idle".
std::string_view band_name(std::size_t band);

/// Sums reasons into bands. The sum over all bands is the sum over all reasons.
std::array<std::uint64_t, kBands.size()> by_band(const PerReason& ns);

struct TimeAxis {
  std::vector<std::uint64_t> from_ns;  // of each point, ascending
  std::vector<std::uint64_t> to_ns;
  std::size_t size() const { return from_ns.size(); }
};

/// One value per point; where nothing was measured there is none.
struct Line {
  std::string name;
  std::vector<std::optional<double>> values;
  double top() const;
  std::optional<double> last() const;
};

struct Series {
  TimeAxis time;
  std::array<std::vector<double>, kBands.size()> threads;  // average number of threads in the band
  std::vector<double> losses;                              // records dropped in the point's time
  double top = 0;                                          // the highest column
  double top_without_idle = 0;
  Line throughput_a, throughput_b;  // per second: deliveries and publishes, or socket writes
  std::string throughput_unit;
  Line latency_p50, latency_p99;  // ns: delivery latency, or run-queue latency
  std::string latency_name;
  Line socket_bytes, socket_writes, run_queue_p99, connections, cpus;
};

/// The newest `newest_ns` of the profile's seconds (0: all), neighbours merged until there are at most `max_points`.
/// Cost: O(seconds * buckets).
Series build_series(const profile::Profile& profile, std::uint64_t newest_ns, std::size_t max_points);

/// The metric of that name, nullptr when the target publishes none.
const profile::Metric* metric(const std::vector<profile::Metric>& metrics, std::string_view name);

/// A round number at or above `value`: one even digit (or 1, 3, 5) times a power of ten. 0 gives 1.
double nice_top(double value);

}  // namespace fanlight::ui
