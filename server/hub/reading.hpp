// What one worker has done. In: its counters. Out: numbers that add up: offered = delivered + dropped + queued.
// With what publishers counted: addressed + replayed = offered + what waits in inboxes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>

#include "core/histogram.hpp"
#include "server/codec/frame.hpp"

namespace fanlight::server::hub {

/// Why a delivery did not happen.
enum class Drop : std::uint8_t {
  inbox_full,    // the worker could not keep up with the publishers
  outbox_full,   // the client reads too slowly
  disconnected,  // it waited for a client that left
  left,          // the client left between the publisher's look and the worker's turn
  shutdown,      // the server stopped before the client had read it
  conflated,     // a newer event with its key took its place
  too_old,       // it waited longer than its topic allows
  evicted,       // its client was closed for reading too slowly
};
inline constexpr std::size_t kDrops = 8;
inline constexpr std::array<std::string_view, kDrops> kDropNames = {
    "inbox_full", "outbox_full", "disconnected", "left", "shutdown", "conflated", "too_old", "evicted"};

/// Why a session ended.
enum class End : std::uint8_t {
  client,     // it closed
  reset,      // the connection broke
  protocol,   // it violated the WebSocket protocol
  shutdown,   // the server stopped
  handshake,  // it never got past the answer
  evicted,    // it read too slowly
  silent,     // it did not answer a ping in time
};
inline constexpr std::size_t kEnds = 7;
inline constexpr std::array<std::string_view, kEnds> kEndNames = {"client",    "reset",   "protocol", "shutdown",
                                                                  "handshake", "evicted", "silent"};

/// The account of one wire form on one worker. A delivery is offered when the worker takes a message for a subscriber;
/// messages that wait in the inbox have not been offered to anyone.
struct WireReading {
  std::uint64_t offered = 0;
  std::uint64_t replayed = 0;   // of those, from history
  std::uint64_t delivered = 0;  // events that the kernel took whole
  std::array<std::uint64_t, kDrops> dropped{};
  std::uint64_t queued_outbox = 0;  // now, counted by walking all outboxes
  std::uint64_t sessions = 0;       // now
  std::uint64_t joined = 0;
  std::array<std::uint64_t, kEnds> ended{};
  std::uint64_t heartbeats = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;

  std::uint64_t dropped_total() const {
    std::uint64_t total = 0;
    for (const std::uint64_t count : dropped) total += count;
    return total;
  }
  /// 0 when every delivery is accounted for.
  std::int64_t balance() const {
    return static_cast<std::int64_t>(offered - delivered - dropped_total() - queued_outbox);
  }
  void add(const WireReading& other);
};

struct WorkerReading {
  std::array<WireReading, codec::kWires> wires{};
  std::uint64_t inbox_messages = 0;  // now
  std::uint64_t inbox_lost = 0;      // messages that a full inbox did not take
  std::uint64_t sends = 0;           // calls that wrote to sockets
  std::uint64_t would_block = 0;     // of those, full socket buffers
  std::uint64_t shared_sends = 0;    // of those, from bytes that were gathered for an earlier connection
  std::uint64_t turns = 0;           // of the loop
  std::uint64_t losses_told = 0;     // clients that were told of a gap in the history
  std::uint64_t exceptions = 0;      // that reached the loop; each is a bug or memory that ran out
  std::map<std::string_view, std::uint64_t> violations;  // of the WebSocket protocol, by what was wrong
  std::uint64_t http_connections = 0;
  std::uint64_t deliveries_last_second = 0;
  KernelHistogram delivery_latency_ns;

  void add(const WorkerReading& other);
};

}  // namespace fanlight::server::hub
