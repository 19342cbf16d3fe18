// The account of one protocol's subscribers. In: messages as they arrive. Out: counts and latencies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/histogram.hpp"
#include "load/sequence_window.hpp"

namespace fanlight::load {

using Latencies = Histogram<7>;

struct Tally {
  std::uint64_t wanted = 0;                               // connections asked for
  std::uint64_t established = 0;                          // that got as far as a stream
  std::uint64_t disconnected = 0;                         // streams that ended before the run did
  std::map<std::string, std::uint64_t> connect_failures;  // by cause
  std::map<std::string, std::uint64_t> disconnects;       // by cause
  std::uint64_t received = 0;                             // measured messages, each counted once per subscriber
  std::uint64_t duplicates = 0;
  std::uint64_t reordered = 0;         // received, but after a later one
  std::uint64_t gaps = 0;              // times that a message came and one before it had not
  std::uint64_t malformed = 0;         // not a test message, or not of the size that was published; warm-up included
  std::uint64_t foreign = 0;           // test messages of another run
  std::uint64_t warmup = 0;            // messages due before the measurement began
  std::uint64_t last_received_ns = 0;  // CLOCK_MONOTONIC, of a measured message
  Latencies latency;                   // ns from due to received, of what was received; what was lost is not in it

  void merge(const Tally& other);
  std::uint64_t failed_connects() const;
};

/// What every subscriber of a run checks messages against.
struct Expectation {
  std::uint32_t run = 0;
  unsigned publishers = 1;
  std::size_t size = 0;
};

/// One subscriber's view: a sequence window per publisher. Threads: one at a time.
class Inbox {
 public:
  explicit Inbox(unsigned publishers) : windows_(publishers) {}

  /// Books one message received at `now_ns` into `tally`. Messages due before `measure_from_ns` are followed for their
  /// order but only counted as warm-up. Cost: under 100 ns.
  void receive(std::string_view message, std::uint64_t now_ns, std::uint64_t measure_from_ns,
               const Expectation& expectation, Tally& tally);

 private:
  std::vector<SequenceWindow> windows_;
};

}  // namespace fanlight::load
