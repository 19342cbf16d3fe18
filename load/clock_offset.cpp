#include "load/clock_offset.hpp"

#include <limits>

namespace fanlight::load {

void ClockOffset::add(const RoundTrip& trip) {
  if (trip.back_ns < trip.sent_ns) return;
  const bool first = trips_.empty();
  trips_.push_back(trip);
  if (trips_.size() > kKept) trips_.pop_front();
  error_ns_ = std::numeric_limits<std::uint64_t>::max();
  for (const RoundTrip& one : trips_) {
    const std::uint64_t half_ns = (one.back_ns - one.sent_ns) / 2;
    const std::uint64_t age_ns = trip.back_ns > one.back_ns ? trip.back_ns - one.back_ns : 0;
    const std::uint64_t error_ns = half_ns + static_cast<std::uint64_t>(static_cast<double>(age_ns) * kDrift);
    if (error_ns >= error_ns_) continue;
    error_ns_ = error_ns;
    ahead_ns_ = static_cast<std::int64_t>(one.there_ns - (one.sent_ns + half_ns));
  }
  if (first) first_ns_ = ahead_ns_;
}

}  // namespace fanlight::load
