// The target's TCP connections, one by one. In: passes of the iterator over its open files. Out: readings with sums
// since attach.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "bpf/events.h"
#include "collector/kernel/reading.hpp"

namespace fanlight::kernel {

/// "127.0.0.1:8080", "[::1]:8080". `address`: the first 4 or all 16 bytes count, as the family says.
std::string endpoint(std::uint16_t family, const std::uint8_t (&address)[16], std::uint16_t port);
/// "established", "close wait"; "state 99" for one that is newer than this program.
/// Source: include/net/tcp_states.h.
std::string connection_state(std::uint16_t state);

/// Remembers each connection, where its sums stood when it was first seen, and since when its queue has not moved.
/// Threads: one at a time. Cost: O(log n) for each connection of a pass.
class Connections {
 public:
  /// `tick_ns`: how long a jiffy of this kernel is.
  explicit Connections(std::uint64_t tick_ns = tick()) : tick_ns_(tick_ns) {}

  /// One pass, whole. Those that it does not tell of are gone. Connections of the first pass stood before we came, so
  /// their sums begin at 0 with it. A socket that is open under several numbers is one connection.
  void take(std::span<const std::byte> pass);
  /// As of the last pass, by id.
  const std::vector<ConnectionReading>& readings() const { return readings_; }

  /// The kernel's own word: the coarse clock moves once a jiffy.
  static std::uint64_t tick();

 private:
  struct Known {
    std::uint64_t id = 0;
    std::uint64_t first_ns = 0;
    fanlight_connection base{};  // its sums are where ours begin
    std::uint64_t acked = 0;
    std::uint64_t moved_ns = 0;  // when the queue was last empty, or something of it was last acknowledged
    std::uint64_t most_queued = 0;
    std::uint64_t pass = 0;
  };
  using Key = std::tuple<std::uint64_t, std::uint16_t, std::uint16_t, std::string>;  // socket, ports, peer
  ConnectionReading reading_of(const fanlight_connection& raw, Known& known) const;

  std::uint64_t tick_ns_;
  std::uint64_t passes_ = 0;
  std::uint64_t next_id_ = 1;
  std::map<Key, Known> known_;
  std::vector<ConnectionReading> readings_;
};

}  // namespace fanlight::kernel
