#include "server/hub/send_buffer.hpp"

namespace fanlight::server::hub {

bool SendBuffer::holds(const Outbox& outbox) const {
  if (frames_.size() != outbox.frames()) return false;
  for (std::size_t i = 0; i < frames_.size(); ++i) {
    if (frames_[i].get() != &outbox.frame(i)) return false;
  }
  return true;
}

std::string_view SendBuffer::gather(const Outbox& outbox, bool& shared) {
  const std::size_t skip = outbox.head_sent();
  shared = false;
  if (is_one_piece(outbox)) return outbox.frame(0).bytes().substr(skip);
  shared = holds(outbox);
  if (!shared) {
    frames_.clear();
    bytes_.clear();
    for (std::size_t i = 0; i < outbox.frames(); ++i) {
      const std::string_view bytes = outbox.frame(i).bytes();
      if (i > 0 && bytes_.size() + bytes.size() > kMost) break;
      bytes_.append(bytes);
      frames_.emplace_back(&outbox.frame(i));
    }
  }
  return std::string_view(bytes_).substr(skip);
}

}  // namespace fanlight::server::hub
