#include "server/hub/outbox.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <utility>
#include <vector>

namespace fanlight::server::hub {

using codec::Encoded;
using codec::Frame;

namespace {

constexpr std::size_t kSmallest = 4;          // places
constexpr std::size_t kSizes = 18;            // powers of two from the smallest on
constexpr std::size_t kMaxStock = 64u << 10;  // rings kept, per size
constexpr std::size_t kMaxWaitingControl = 16;
constexpr std::size_t kMaxFrames = std::numeric_limits<std::uint16_t>::max();

bool is_event(const Encoded* frame) { return frame->kind == Encoded::Kind::event; }

/// Rings of places that no outbox of this thread uses, by size. A worker's outboxes live and die on its thread.
class Stock {
 public:
  ~Stock() {
    gone_ = true;
    for (auto& size : free_) {
      for (const Encoded** places : size) delete[] places;
    }
  }
  const Encoded** take(std::size_t size) {
    auto& free = free_[index_of(size)];
    if (free.empty()) return new const Encoded*[size];
    const Encoded** places = free.back();
    free.pop_back();
    return places;
  }
  void put(const Encoded** places, std::size_t size) {
    if (gone_ || free_[index_of(size)].size() >= kMaxStock) {
      delete[] places;
      return;
    }
    free_[index_of(size)].push_back(places);
  }

 private:
  static std::size_t index_of(std::size_t size) { return static_cast<std::size_t>(std::countr_zero(size / kSmallest)); }
  std::array<std::vector<const Encoded**>, kSizes> free_;
  bool gone_ = false;
};

Stock& stock() {
  thread_local Stock mine;
  return mine;
}

}  // namespace

Outbox::Outbox(std::size_t max_frames, std::size_t max_bytes) { set_limits(max_frames, max_bytes); }

Outbox::Outbox(Outbox&& other) noexcept { *this = std::move(other); }

Outbox& Outbox::operator=(Outbox&& other) noexcept {
  if (this == &other) return *this;
  clear();
  places_ = std::exchange(other.places_, nullptr);
  mask_ = std::exchange(other.mask_, 0);
  head_ = other.head_;
  count_ = std::exchange(other.count_, 0);
  bytes_ = std::exchange(other.bytes_, 0);
  head_sent_ = std::exchange(other.head_sent_, 0);
  max_bytes_ = other.max_bytes_;
  max_frames_ = other.max_frames_;
  pinned_ = std::exchange(other.pinned_, std::uint16_t{0});
  return *this;
}

void Outbox::set_limits(std::size_t max_frames, std::size_t max_bytes) {
  max_frames_ = static_cast<std::uint16_t>(std::clamp(max_frames, kMinFrames, kMaxFrames));
  max_bytes_ = static_cast<std::uint32_t>(std::min<std::size_t>(max_bytes, 1u << 30));
}

void Outbox::grow() {
  const std::size_t old_size = places_ == nullptr ? 0 : mask_ + 1;
  const std::size_t new_size = std::max(kSmallest, 2 * old_size);
  const Encoded** places = stock().take(new_size);
  for (std::size_t i = 0; i < count_; ++i) places[i] = place(i);
  if (places_ != nullptr) stock().put(places_, old_size);
  places_ = places;
  mask_ = static_cast<std::uint32_t>(new_size - 1);
  head_ = 0;
}

void Outbox::shed() {
  if (places_ == nullptr) return;
  stock().put(places_, mask_ + 1);
  places_ = nullptr;
  mask_ = head_ = 0;
}

void Outbox::pop_front() {
  const Encoded* front = place(0);
  head_ = (head_ + 1) & mask_;
  --count_;
  intrusive_ptr_release(front);
}

void Outbox::append(const Encoded& frame) {
  if (places_ == nullptr || count_ == mask_ + 1) grow();
  intrusive_ptr_add_ref(&frame);
  bytes_ += static_cast<std::uint32_t>(frame.bytes().size());
  place(count_++) = &frame;
}

void Outbox::erase_at(std::size_t at) {
  const Encoded* gone = place(at);
  bytes_ -= static_cast<std::uint32_t>(gone->bytes().size());
  if (at < count_ / 2) {
    for (std::size_t i = at; i > 0; --i) place(i) = place(i - 1);
    head_ = (head_ + 1) & mask_;
  } else {
    for (std::size_t i = at; i + 1 < count_; ++i) place(i) = place(i + 1);
  }
  --count_;
  intrusive_ptr_release(gone);
}

bool Outbox::drop_oldest_event() {
  for (std::size_t at = first_whole(); at < count_; ++at) {
    if (!is_event(place(at))) continue;
    erase_at(at);
    return true;
  }
  return false;
}

std::size_t Outbox::make_room(std::size_t for_bytes) {
  std::size_t dropped = 0;
  while (count_ >= max_frames_ || bytes_ + for_bytes > max_bytes_) {
    if (!drop_oldest_event()) break;
    ++dropped;
  }
  return dropped;
}

bool Outbox::would_drop(const Encoded& frame) const {
  return count_ >= max_frames_ || (count_ > 0 && bytes_ + frame.bytes().size() > max_bytes_);
}

std::size_t Outbox::offer(const Encoded& frame) {
  std::size_t dropped = make_room(frame.bytes().size());
  if (count_ >= max_frames_) return dropped + (is_event(&frame) ? 1 : 0);
  append(frame);
  return dropped;
}

std::size_t Outbox::conflate(const Encoded& frame) {
  if (frame.key == 0) return 0;
  for (std::size_t at = first_whole(); at < count_; ++at) {
    if (!is_event(place(at)) || place(at)->key != frame.key) continue;
    // The newer one goes to the end, not into this place: ids must grow, or a client that comes back would miss some.
    erase_at(at);
    return 1;
  }
  return 0;
}

std::size_t Outbox::offer_first(const Frame& frame) {
  std::size_t at = first_whole();
  const std::size_t from = at;
  while (at < count_ && !is_event(place(at))) ++at;
  const std::size_t size = frame->bytes().size();
  if (at - from >= kMaxWaitingControl) {
    const Encoded*& last = place(at - 1);
    bytes_ = static_cast<std::uint32_t>(bytes_ - last->bytes().size() + size);
    intrusive_ptr_add_ref(frame.get());
    intrusive_ptr_release(std::exchange(last, frame.get()));
    return 0;
  }
  const std::size_t dropped = make_room(size);
  append(*frame);
  for (std::size_t i = count_ - 1; i > at; --i) std::swap(place(i), place(i - 1));
  return dropped;
}

std::size_t Outbox::drop_older(std::uint64_t ns) {
  std::size_t dropped = 0;
  for (std::size_t at = first_whole(); at < count_;) {
    if (!is_event(place(at))) {
      ++at;
      continue;
    }
    if (place(at)->published_ns >= ns) break;
    erase_at(at);
    ++dropped;
  }
  return dropped;
}

std::span<const iovec> Outbox::gather(std::span<iovec> room) const {
  const std::size_t count = std::min<std::size_t>(room.size(), count_);
  std::size_t skip = head_sent_;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view rest = frame(i).bytes().substr(skip);
    room[i] = {.iov_base = const_cast<char*>(rest.data()), .iov_len = rest.size()};
    skip = 0;
  }
  return room.first(count);
}

std::size_t Outbox::events() const {
  std::size_t events = 0;
  for (std::size_t i = 0; i < count_; ++i) events += is_event(&frame(i)) ? 1 : 0;
  return events;
}

std::size_t Outbox::erase_from(std::size_t first) {
  std::size_t events = 0;
  while (count_ > first) {
    const Encoded* last = place(--count_);
    events += is_event(last) ? 1 : 0;
    bytes_ -= static_cast<std::uint32_t>(last->bytes().size());
    intrusive_ptr_release(last);
  }
  if (count_ == 0) shed();
  return events;
}

std::size_t Outbox::clear_events() {
  std::size_t dropped = 0;
  while (drop_oldest_event()) ++dropped;
  if (count_ == 0) shed();
  return dropped;
}

std::size_t Outbox::clear() {
  head_sent_ = 0;
  pinned_ = 0;
  return erase_from(0);
}

}  // namespace fanlight::server::hub
