// Bytes gathered once for all who get the same. In: outboxes. Out: one contiguous piece to send.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/hub/outbox.hpp"

namespace fanlight::server::hub {

/// How bytes leave.
enum class SendMode : std::uint8_t {
  copy,    // `send` of one piece, gathered once for neighbours with the same queue
  gather,  // `sendmsg` of the frames where they lie
};

/// Subscribers of a topic mostly wait for the same frames. The first one's are copied together, the others' queues only
/// compared: 16 messages of 128 bytes leave in one plain `send` of 2 KiB, which costs the kernel a third less than a
/// gathered write of 16 pieces. Threads: the owning worker's only.
class SendBuffer {
 public:
  static constexpr std::size_t kMost = 64 * 1024;

  /// All that is queued, from what is not yet sent; as far as `kMost` goes when it is more. `shared`: was gathered
  /// before. Valid until the next call.
  std::string_view gather(const Outbox& outbox, bool& shared);
  /// Lets go of the frames.
  void forget() { frames_.clear(); }

 private:
  std::vector<codec::Frame> frames_;  // what `bytes_` holds; held, so that an address means one frame
  std::string bytes_;
};

}  // namespace fanlight::server::hub
