#include "server/hub/send_buffer.hpp"

namespace fanlight::server::hub {

std::string_view SendBuffer::gather(const Outbox& outbox, bool& shared) {
  shared = false;
  const std::size_t count = outbox.frames();
  const std::size_t skip = outbox.head_sent();
  if (count == 1 || outbox.frame(0).bytes().size() > kMost) return outbox.frame(0).bytes().substr(skip);
  bool same = frames_.size() == count;
  for (std::size_t i = 0; same && i < count; ++i) same = frames_[i].get() == &outbox.frame(i);
  if (!same) {
    frames_.clear();
    bytes_.clear();
    for (std::size_t i = 0; i < count; ++i) {
      const std::string_view bytes = outbox.frame(i).bytes();
      if (i > 0 && bytes_.size() + bytes.size() > kMost) break;
      bytes_.append(bytes);
      frames_.emplace_back(&outbox.frame(i));
    }
  }
  shared = same;
  return std::string_view(bytes_).substr(skip);
}

}  // namespace fanlight::server::hub
