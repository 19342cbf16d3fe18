// The account of a group's subscribers. In: what happened to them. Out: counts and latencies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "load/fairness.hpp"
#include "load/misses.hpp"

namespace fanlight::load {

using Causes = std::map<std::string, std::uint64_t>;

/// Of the messages that were due in one phase.
struct PhaseTally {
  std::uint64_t received = 0;        // each counted once per subscriber
  std::uint64_t before_joining = 0;  // published before a subscriber came: not expected of it, summed over subscribers
  std::uint64_t until_leaving = 0;   // accepted before a subscriber was told to leave, summed over those
  Latencies latency;                 // ns from due to received, of what was received

  void merge(const PhaseTally& other);
};

struct Tally {
  std::uint64_t wanted = 0;        // connections asked for
  std::uint64_t established = 0;   // subscribers that got as far as a stream
  std::uint64_t left = 0;          // of those, that were told to leave while the run lasted
  std::uint64_t joined_late = 0;   // of those, that came when publishing had begun
  std::uint64_t standing = 0;      // of those, that had a stream at the end
  std::uint64_t disconnected = 0;  // of those, that lost a stream by no doing of their own
  Causes connect_failures;         // of subscribers that never had a stream, by cause
  Causes disconnects;              // streams cut, by cause; several per subscriber where it comes back
  std::uint64_t own_cuts = 0;      // streams that we ended, as the profile says
  std::uint64_t reconnects = 0;    // streams that stood again
  Causes reconnect_failures;       // attempts, by cause
  std::uint64_t replayed = 0;      // messages that came after a reconnect and were due before it

  std::uint64_t received = 0;  // measured messages, each counted once per subscriber; the sum over phases
  std::uint64_t duplicates = 0;
  std::uint64_t reordered = 0;         // received after a later one, within kReorderWindow
  std::uint64_t late = 0;              // received after a later one, beyond it
  std::uint64_t gaps = 0;              // times that a message came and one before it had not
  std::uint64_t bad_ids = 0;           // SSE ids with control characters, too long, repeated or not increasing
  std::uint64_t bad_comments = 0;      // SSE comments with control characters or of more than 256 bytes
  std::uint64_t malformed = 0;         // not a test message, or not of the size that was published; warm-up included
  std::uint64_t foreign = 0;           // test messages of another run
  std::uint64_t other = 0;             // when listening only: messages that are no test messages
  std::uint64_t warmup = 0;            // messages due before the measurement began
  std::uint64_t bytes = 0;             // received, all kinds
  std::uint64_t reads = 0;             // calls that brought them
  std::uint64_t last_received_ns = 0;  // CLOCK_MONOTONIC, of a measured message
  std::vector<PhaseTally> phases;

  // CLOCK_MONOTONIC: the first connect, the last first stream that stood; of those that came before publishing began.
  std::uint64_t connecting_from_ns = 0;
  std::uint64_t connecting_to_ns = 0;
  Latencies connect;          // ns from connect() to connected
  Latencies tls;              // ns of the TLS handshake
  Latencies head;             // ns from the request's last byte to the response's head: accepting and parsing headers
  Latencies first_event;      // ns from connect() to the first message
  Latencies recovery;         // ns from a cut to having caught up
  Fairness deliveries;        // over connections: measured messages received
  Latencies connection_mean;  // ns: mean latency of each connection that received anything

  void merge(const Tally& other);
  PhaseTally& phase(std::size_t index) {
    if (index >= phases.size()) phases.resize(index + 1);
    return phases[index];
  }
  Latencies latency() const;
  std::uint64_t failed_connects() const;
};

std::uint64_t total_of(const Causes& causes);

/// "1,234".
std::string with_commas(std::uint64_t number);
/// "3 connect: Connection refused, 1 answered 503".
std::string words_of(const Causes& causes);

}  // namespace fanlight::load
