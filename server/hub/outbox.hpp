// What waits for one connection. In: shared frames. Out: one gathered write per loop turn; drops that are counted.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "server/codec/frame.hpp"

namespace fanlight::server::hub {

/// A bounded queue of frames, three at least. Full, by frames or by bytes: the oldest event that is not yet on the wire
/// makes room. The frame whose bytes are half sent never goes: that would corrupt the stream. Nor do control frames.
/// Empty, it holds no memory but its own 48 bytes: its places come from and return to a stock of the thread.
/// Threads: the owning worker's only. Cost: O(1) per frame, no allocation once the thread's stock has grown.
class Outbox {
 public:
  static constexpr std::size_t kMinFrames = 3;  // one half sent, one control, one event

  Outbox() : Outbox(256) {}
  explicit Outbox(std::size_t max_frames, std::size_t max_bytes = 8u << 20);
  Outbox(Outbox&& other) noexcept;
  Outbox& operator=(Outbox&& other) noexcept;
  ~Outbox() { clear(); }

  void set_limits(std::size_t max_frames, std::size_t max_bytes);

  /// Appends. Returns the events dropped to make room, which can be the frame itself when nothing else may go.
  std::size_t offer(const codec::Encoded& frame);
  std::size_t offer(const codec::Frame& frame) { return offer(*frame); }
  /// Whether `offer` would drop something.
  bool would_drop(const codec::Encoded& frame) const;
  /// Drops the event with the same key that waits, if any, before `offer`. Returns the events dropped. Cost: O(frames).
  std::size_t conflate(const codec::Encoded& frame);
  /// Appends whatever the bounds say: heads, answers, replays, which their makers bound.
  void append(const codec::Encoded& frame);
  void append(const codec::Frame& frame) { append(*frame); }
  /// Puts a control frame before the events that are not yet on the wire, behind the control frames there. Once 16 of
  /// those wait, the last one is replaced, so that a peer which asks without reading does not pile up answers (RFC
  /// 6455, 5.5.3, lets a pong stand for earlier ones). Returns the events dropped to make room.
  std::size_t offer_first(const codec::Frame& frame);
  /// Drops events published before `ns`, as far as they are the oldest. Returns how many.
  std::size_t drop_older(std::uint64_t ns);
  /// Everything queued, as far as `room` goes. The result lives in `room` until the next change.
  std::span<const iovec> gather(std::span<iovec> room) const;
  /// The frames themselves, for those who send the same to many. `at` < `frames()`.
  const codec::Encoded& frame(std::size_t at) const { return *places_[(head_ + at) & mask_]; }
  std::size_t head_sent() const { return head_sent_; }
  /// The first `frames` have been handed to a layer that wants to see the same bytes again (TLS): none of them may go.
  void pin(std::size_t frames) { pinned_ = static_cast<std::uint16_t>(frames); }
  /// Releases what the kernel took: calls `whole(const codec::Encoded&)` per frame completed, keeps the rest of the
  /// head.
  template <class Whole>
  void sent(std::size_t bytes, Whole&& whole);
  /// Drops the events that are not on the wire yet; answers and other control frames stay. Returns how many.
  std::size_t clear_events();
  /// Drops everything, the half-sent head too. Returns the events among it.
  std::size_t clear();

  bool empty() const { return count_ == 0; }
  std::size_t frames() const { return count_; }
  /// Unsent and half-sent events. Cost: O(frames).
  std::size_t events() const;
  std::size_t bytes() const { return bytes_; }

 private:
  std::size_t first_whole() const { return pinned_ > 0 ? pinned_ : head_sent_ > 0 ? 1 : 0; }
  bool drop_oldest_event();
  std::size_t make_room(std::size_t for_bytes);
  std::size_t erase_from(std::size_t first);
  void erase_at(std::size_t at);
  void grow();
  void shed();
  const codec::Encoded*& place(std::size_t at) { return places_[(head_ + at) & mask_]; }
  void pop_front();

  const codec::Encoded** places_ = nullptr;  // a ring of mask_ + 1; each holds a reference
  std::uint32_t mask_ = 0;
  std::uint32_t head_ = 0;
  std::uint32_t count_ = 0;
  std::uint32_t bytes_ = 0;      // of all frames queued, sent bytes of the head included
  std::uint32_t head_sent_ = 0;  // bytes of the front frame already written
  std::uint32_t max_bytes_;
  std::uint16_t max_frames_;
  std::uint16_t pinned_ = 0;
};

template <class Whole>
void Outbox::sent(std::size_t bytes, Whole&& whole) {
  pinned_ = 0;
  std::size_t left = head_sent_ + bytes;
  while (count_ > 0) {
    const codec::Encoded& front = *place(0);
    const std::size_t size = front.bytes().size();
    if (left < size) break;
    left -= size;
    bytes_ -= static_cast<std::uint32_t>(size);
    whole(front);
    pop_front();
  }
  head_sent_ = static_cast<std::uint32_t>(left);
  if (count_ == 0) shed();
}

}  // namespace fanlight::server::hub
