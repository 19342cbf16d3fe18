// What publishers leave for one worker. In: frames with the sessions they are for. Out: batches, in publishing order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "server/codec/frame.hpp"
#include "server/hub/subscriber.hpp"

namespace fanlight::server::hub {

/// A bounded queue with many writers and one reader. Full: the newest is dropped and counted. Two buffers change
/// places, so that nothing is allocated once they have grown.
class Inbox {
 public:
  struct Entry {
    codec::Frame frame;
    codec::Wire wire;
    std::size_t sessions;  // how many of `Batch::sessions` are its own
  };
  struct Batch {
    std::vector<Entry> entries;
    std::vector<SessionRef> sessions;  // of all entries, one after the other
  };
  /// Deliveries (a frame for a session), by `codec::Wire`.
  struct Counts {
    std::array<std::uint64_t, codec::kWires> offered{};
    std::array<std::uint64_t, codec::kWires> dropped{};
    std::array<std::uint64_t, codec::kWires> queued{};
  };

  explicit Inbox(std::size_t max_entries = 4096, std::size_t max_bytes = 64u << 20)
      : max_entries_(max_entries), max_bytes_(max_bytes) {}

  /// True when the reader has nothing under way that would find this: wake it. Threads: any. Cost: one uncontended
  /// lock, 8 bytes copied per session.
  bool push(codec::Frame frame, codec::Wire wire, std::span<const SessionRef> sessions);
  /// Empties `into`, keeping its memory, and fills it with all that is queued. Threads: the owning worker's.
  void take(Batch& into);
  Counts counts() const;

 private:
  const std::size_t max_entries_;
  const std::size_t max_bytes_;
  mutable std::mutex mutex_;
  Batch waiting_;
  std::size_t waiting_bytes_ = 0;
  Counts counts_;
};

}  // namespace fanlight::server::hub
