// What one worker has done. In: its counters. Out: numbers that add up: offered = delivered + dropped + queued.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
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
};
inline constexpr std::size_t kDrops = 5;
inline constexpr std::array<std::string_view, kDrops> kDropNames = {"inbox_full", "outbox_full", "disconnected", "left",
                                                                    "shutdown"};

/// Why a session ended.
enum class End : std::uint8_t {
  client,     // it closed
  reset,      // the connection broke
  protocol,   // it violated the WebSocket protocol
  shutdown,   // the server stopped
  handshake,  // it never got past the answer
};
inline constexpr std::size_t kEnds = 5;
inline constexpr std::array<std::string_view, kEnds> kEndNames = {"client", "reset", "protocol", "shutdown",
                                                                  "handshake"};

/// The account of one wire form on one worker.
struct WireReading {
  std::uint64_t offered = 0;    // deliveries that publishers asked for
  std::uint64_t delivered = 0;  // events that the kernel took whole
  std::array<std::uint64_t, kDrops> dropped{};
  std::uint64_t queued_inbox = 0;   // now
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
    return static_cast<std::int64_t>(offered - delivered - dropped_total() - queued_inbox - queued_outbox);
  }
};

struct WorkerReading {
  std::array<WireReading, codec::kWires> wires{};
  std::uint64_t sends = 0;        // sendmsg calls
  std::uint64_t would_block = 0;  // of those, full socket buffers
  std::uint64_t exceptions = 0;   // that reached the loop; each is a bug or memory that ran out
  KernelHistogram delivery_latency_ns;

  void add(const WorkerReading& other);
};

}  // namespace fanlight::server::hub
