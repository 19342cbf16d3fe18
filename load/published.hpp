// The account of what was published. In: each message's outcome. Out: counts per phase, waits.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "load/misses.hpp"
#include "load/phase.hpp"
#include "load/tally.hpp"

namespace fanlight::load {

/// scheduled = accepted + refused + failed + unanswered + unsent().
struct Outcomes {
  std::uint64_t scheduled = 0;             // fell due; closed loop: were sent
  std::uint64_t accepted = 0;              // taken by the server: every subscriber should receive these
  std::uint64_t refused = 0;               // not taken, and it said so
  std::uint64_t failed = 0;                // the connection broke; some may have been delivered all the same
  std::uint64_t unanswered = 0;            // sent, no answer when the run ended
  std::uint64_t unsent_busy = 0;           // due, but every connection was waiting for the server until the run ended
  std::uint64_t unsent_no_connection = 0;  // due when there was none, and none came back

  std::uint64_t unsent() const { return unsent_busy + unsent_no_connection; }
  /// Everything that a subscriber could have received in time had the server kept up: what it refused in words is told
  /// to the publisher, and expected by nobody.
  std::uint64_t owed() const { return scheduled - refused; }
  void add(const Outcomes& other) {
    for (const auto member : {&Outcomes::scheduled, &Outcomes::accepted, &Outcomes::refused, &Outcomes::failed,
                              &Outcomes::unanswered, &Outcomes::unsent_busy, &Outcomes::unsent_no_connection})
      this->*member += other.*member;
  }
};

struct PublishedPhase {
  Phase phase;
  std::uint64_t begin_ns = 0;  // CLOCK_MONOTONIC
  std::uint64_t end_ns = 0;    // begin_ns: it never began
  Outcomes outcomes;
};

/// Of the measured part of the run, the sum over its phases.
struct Published : Outcomes {
  std::vector<PublishedPhase> phases;
  Causes causes;               // of refused and failed
  Latencies answer;            // ns from sent to answered
  Latencies wait;              // ns from due to sent: the server's slow answers and our own slip
  Latencies queued;            // ns from due until a connection was free: the part of `wait` that is not slip
  Latencies slip;              // ns from the first moment a message could be sent to when it was: ours alone
  std::uint64_t begin_ns = 0;  // of the measured part
  std::uint64_t end_ns = 0;
  std::uint64_t first_number = std::numeric_limits<std::uint64_t>::max();  // of a measured message
  std::uint64_t end_number = 0;                                            // one past the last
};

}  // namespace fanlight::load
