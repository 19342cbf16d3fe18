#include "server/hub/history.hpp"

#include <algorithm>
#include <utility>

namespace fanlight::server::hub {

void History::add(codec::MessagePtr message) {
  if (max_messages_ == 0) return;
  if (messages_.capacity() == 0) messages_.set_capacity(max_messages_);
  bytes_ += message->payload.size();
  if (messages_.full()) {
    bytes_ -= messages_.front()->payload.size();
    messages_.pop_front();
  }
  messages_.push_back(std::move(message));
  while (bytes_ > max_bytes_ && !messages_.empty()) {
    bytes_ -= messages_.front()->payload.size();
    messages_.pop_front();
  }
}

Replay History::after(std::uint64_t id, std::uint64_t last_id) const {
  Replay replay;
  if (id > last_id) {  // from another life of this server, or made up
    replay.loss = true;
    replay.messages.assign(messages_.begin(), messages_.end());
    return replay;
  }
  const auto first =
      std::ranges::find_if(messages_, [id](const codec::MessagePtr& message) { return message->id > id; });
  replay.messages.assign(first, messages_.end());
  const std::uint64_t wanted = last_id - id;
  replay.lost = wanted > replay.messages.size() ? wanted - replay.messages.size() : 0;
  replay.loss = replay.lost > 0;
  return replay;
}

}  // namespace fanlight::server::hub
