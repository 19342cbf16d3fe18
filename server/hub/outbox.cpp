#include "server/hub/outbox.hpp"

namespace fanlight::server::hub {

using codec::Encoded;
using codec::Frame;

bool Outbox::drop_oldest_event() {
  const auto from = frames_.begin() + static_cast<std::ptrdiff_t>(first_whole());
  const auto oldest =
      std::find_if(from, frames_.end(), [](const Frame& frame) { return frame->kind == Encoded::Kind::event; });
  if (oldest == frames_.end()) return false;
  bytes_ -= (*oldest)->bytes().size();
  frames_.rerase(oldest);  // moves the at most two frames before it; erase() would move all behind it
  ++dropped_;
  return true;
}

std::size_t Outbox::make_room(std::size_t for_bytes) {
  std::size_t dropped = 0;
  while (frames_.full() || bytes_ + for_bytes > max_bytes_) {
    if (!drop_oldest_event()) break;
    ++dropped;
  }
  return dropped;
}

std::size_t Outbox::offer(Frame frame) {
  std::size_t dropped = make_room(frame->bytes().size());
  if (frames_.full()) {
    const bool event = frame->kind == Encoded::Kind::event;
    dropped_ += event ? 1 : 0;
    return dropped + (event ? 1 : 0);
  }
  bytes_ += frame->bytes().size();
  frames_.push_back(std::move(frame));
  return dropped;
}

std::size_t Outbox::offer_first(Frame frame) {
  const std::size_t at = first_whole();
  const std::size_t size = frame->bytes().size();
  if (at < frames_.size() && frames_[at]->kind == Encoded::Kind::control) {
    bytes_ = bytes_ - frames_[at]->bytes().size() + size;
    frames_[at] = std::move(frame);
    return 0;
  }
  const std::size_t dropped = make_room(size);
  if (frames_.full()) return dropped;
  bytes_ += size;
  frames_.push_front(std::move(frame));
  if (at == 1) std::swap(frames_[0], frames_[1]);
  return dropped;
}

std::span<const iovec> Outbox::gather(std::span<iovec> room) const {
  const std::size_t count = std::min(room.size(), frames_.size());
  std::size_t skip = head_sent_;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view rest = frames_[i]->bytes().substr(skip);
    room[i] = {.iov_base = const_cast<char*>(rest.data()), .iov_len = rest.size()};
    skip = 0;
  }
  return room.first(count);
}

std::size_t Outbox::events() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(frames_, [](const Frame& frame) { return frame->kind == Encoded::Kind::event; }));
}

std::size_t Outbox::erase_from(std::size_t first) {
  std::size_t events = 0;
  while (frames_.size() > first) {
    events += frames_.back()->kind == Encoded::Kind::event ? 1 : 0;
    bytes_ -= frames_.back()->bytes().size();
    frames_.pop_back();
  }
  return events;
}

std::size_t Outbox::clear_waiting() { return erase_from(first_whole()); }

std::size_t Outbox::clear() {
  head_sent_ = 0;
  return erase_from(0);
}

}  // namespace fanlight::server::hub
