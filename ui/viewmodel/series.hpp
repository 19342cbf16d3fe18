// Numbers over time. In: `Profile::seconds`. Out: bands and lines, ready to be drawn one column per point.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collector/profile/profile.hpp"

namespace fanlight::ui {

/// What the stacked plot tells apart: the runnable reasons are one band; idle waiting comes last, on top.
inline constexpr std::array<Reason, 15> kBands{Reason::running,     Reason::runnable_queued, Reason::futex,
                                               Reason::socket_send, Reason::socket_receive,  Reason::pipe,
                                               Reason::disk,        Reason::page_fault,      Reason::mmap_lock,
                                               Reason::other,       Reason::sleep,           Reason::event,
                                               Reason::condition,   Reason::io_uring,        Reason::poll};
inline constexpr std::size_t kIdleBand = kBands.size() - 1;

/// "running", "runnable", "futex", ..., "idle".
std::string_view band_name(std::size_t band);

/// Sums reasons into bands. The sum over all bands is the sum over all reasons.
std::array<std::uint64_t, kBands.size()> by_band(const PerReason& ns);

/// A shorter time, in seconds, says nothing about a rate: what happened to be written in its few milliseconds would
/// stand as a spike.
inline constexpr double kShortestRate = 0.2;

struct TimeAxis {
  std::vector<std::uint64_t> from_ns;  // of each point, ascending
  std::vector<std::uint64_t> to_ns;
  std::size_t size() const { return from_ns.size(); }
};

/// One value per point; where nothing was measured, or for a rate not long enough, there is none.
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
  std::string throughput_missing, latency_missing;  // why there is no line; empty: it was measured
  Line latency_p50, latency_p99, latency_p999;      // ns: delivery latency, or run-queue latency
  Line errors, would_block, lost;                   // per second: failed writes, full sockets, records dropped
  std::string errors_missing;
  std::string latency_name;
  Line socket_bytes, socket_writes, run_queue_p99, connections, cpus;
};

/// The newest `newest_ns` of the profile's seconds (0: all), neighbours merged until there are at most `max_points`.
/// Cost: O(seconds * buckets).
Series build_series(const profile::Profile& profile, std::uint64_t newest_ns, std::size_t max_points);

/// The metric of that name, nullptr when the target publishes none.
const profile::Metric* metric(const std::vector<profile::Metric>& metrics, std::string_view name);

/// Where an axis from 0 has its lines: 1 to 5 steps, each 1, 2 or 5 times a power of ten, so that every label is exact
/// in three digits.
struct Axis {
  double step = 1;
  int steps = 1;
  double at(int line) const { return step * line; }
  double top() const { return at(steps); }
};

/// The lowest such axis that reaches `value`; as for 1 where that is not above 0. `whole`: only whole numbers, for
/// things that come in pieces.
Axis axis_for(double value, bool whole);

}  // namespace fanlight::ui
