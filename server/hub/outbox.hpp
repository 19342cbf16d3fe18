// What waits for one connection. In: shared frames. Out: one gathered write per loop turn; drops that are counted.
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <boost/circular_buffer.hpp>

#include "server/codec/frame.hpp"

namespace fanlight::server::hub {

/// A bounded queue of frames, three at least. Full, by frames or by bytes: the oldest event that is not yet on the wire
/// makes room. The frame whose bytes are half sent never goes: that would corrupt the stream. Nor do control frames.
/// Threads: the owning worker's only. Cost: O(1) per frame, no allocation after construction.
class Outbox {
 public:
  static constexpr std::size_t kMinFrames = 3;  // one half sent, one control, one event

  explicit Outbox(std::size_t max_frames, std::size_t max_bytes = 8u << 20)
      : frames_(std::max(max_frames, kMinFrames)), max_bytes_(max_bytes) {}

  /// Appends. Returns the events dropped to make room, which can be the frame itself when nothing else may go.
  std::size_t offer(codec::Frame frame);
  /// Puts a control frame before all that is not yet on the wire; one that waits there already is replaced, so that a
  /// peer which asks without reading holds one answer, not many. Returns the events dropped to make room.
  std::size_t offer_first(codec::Frame frame);
  /// Everything queued, as far as `room` goes. The result lives in `room` until the next change.
  std::span<const iovec> gather(std::span<iovec> room) const;
  /// Releases what the kernel took: calls `whole(const codec::Encoded&)` per frame completed, keeps the rest of the
  /// head.
  template <class Whole>
  void sent(std::size_t bytes, Whole&& whole);
  /// Drops what is not on the wire yet, control frames too. Returns the events among it.
  std::size_t clear_waiting();
  /// Drops everything, the half-sent head too. Returns the events among it.
  std::size_t clear();

  bool empty() const { return frames_.empty(); }
  std::size_t frames() const { return frames_.size(); }
  /// Unsent and half-sent events. Cost: O(frames).
  std::size_t events() const;
  std::size_t bytes() const { return bytes_; }
  /// Events dropped by `offer` and `offer_first` so far.
  std::uint64_t dropped() const { return dropped_; }

 private:
  std::size_t first_whole() const { return head_sent_ > 0 ? 1 : 0; }
  bool drop_oldest_event();
  std::size_t make_room(std::size_t for_bytes);
  std::size_t erase_from(std::size_t first);

  boost::circular_buffer<codec::Frame> frames_;
  std::size_t max_bytes_;
  std::size_t bytes_ = 0;      // of all frames queued, sent bytes of the head included
  std::size_t head_sent_ = 0;  // bytes of the front frame already written
  std::uint64_t dropped_ = 0;
};

template <class Whole>
void Outbox::sent(std::size_t bytes, Whole&& whole) {
  head_sent_ += bytes;
  while (!frames_.empty() && head_sent_ >= frames_.front()->bytes().size()) {
    const std::size_t size = frames_.front()->bytes().size();
    head_sent_ -= size;
    bytes_ -= size;
    whole(*frames_.front());
    frames_.pop_front();
  }
}

}  // namespace fanlight::server::hub
