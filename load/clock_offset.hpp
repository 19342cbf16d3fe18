// How far another host's clock is from ours. In: round trips between them. Out: an offset, and how well it is known.
#pragma once

#include <cstdint>
#include <deque>

namespace fanlight::load {

/// A question, when they answered it, and when the answer was here.
struct RoundTrip {
  std::uint64_t sent_ns = 0;   // our clock
  std::uint64_t there_ns = 0;  // theirs
  std::uint64_t back_ns = 0;   // ours
};

/// The answer was made somewhere between question and arrival: half the round trip is the error, whatever the way there
/// and back take of it. Of the latest round trips the best counts, where age costs what clocks drift apart meanwhile.
/// Threads: one at a time. Source: RFC 5905, section 8, without its filters.
class ClockOffset {
 public:
  /// Clocks of ordinary machines, steered or not, part by no more than this.
  static constexpr double kDrift = 100e-6;
  static constexpr std::size_t kKept = 16;

  /// Round trips that end before they begin are passed over.
  void add(const RoundTrip& trip);
  bool known() const { return !trips_.empty(); }
  /// What is to be added to our clock to read theirs.
  std::int64_t ahead_ns() const { return ahead_ns_; }
  /// The truth lies at most this far off.
  std::uint64_t error_ns() const { return error_ns_; }
  /// How much `ahead_ns` has changed since it was first known.
  std::int64_t drifted_ns() const { return ahead_ns_ - first_ns_; }

 private:
  std::deque<RoundTrip> trips_;
  std::int64_t ahead_ns_ = 0;
  std::int64_t first_ns_ = 0;
  std::uint64_t error_ns_ = 0;
};

}  // namespace fanlight::load
