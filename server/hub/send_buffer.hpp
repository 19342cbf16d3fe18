// Bytes gathered once for all who get the same. In: outboxes. Out: one contiguous piece to send.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/hub/outbox.hpp"

namespace fanlight::server::hub {

/// Subscribers of a topic mostly wait for the same frames. The first one's are copied together, the others' queues only
/// compared: 16 messages of 128 bytes leave in one plain `send` of 2 KiB, which costs the kernel a third less than a
/// gathered write of 16 pieces. Threads: the owning worker's only.
class SendBuffer {
 public:
  static constexpr std::size_t kMost = 64 * 1024;

  /// All that is queued, from what is not yet sent; as far as `kMost` goes when it is more. `shared`: was gathered
  /// before. Valid until the next call.
  std::string_view gather(const Outbox& outbox, bool& shared);
  /// Whether `gather` would leave what it returned last time as it is.
  bool keeps(const Outbox& outbox) const { return is_one_piece(outbox) || holds(outbox); }
  /// Lets go of the frames.
  void forget() { frames_.clear(); }

 private:
  static bool is_one_piece(const Outbox& outbox) {
    return outbox.frames() == 1 || outbox.frame(0).bytes().size() > kMost;
  }
  bool holds(const Outbox& outbox) const;

  std::vector<codec::Frame> frames_;  // what `bytes_` holds; held, so that an address means one frame
  std::string bytes_;
};

}  // namespace fanlight::server::hub
