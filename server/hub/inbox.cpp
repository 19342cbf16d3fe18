#include "server/hub/inbox.hpp"

#include <utility>

namespace fanlight::server::hub {

bool Inbox::push(codec::Frame frame, codec::Wire wire, std::span<const SessionRef> sessions) {
  const std::size_t at = index_of(wire);
  const std::size_t bytes = frame->bytes().size();
  const std::scoped_lock lock(mutex_);
  counts_.offered[at] += sessions.size();
  const bool first = waiting_.entries.empty();
  if (!first && (waiting_.entries.size() >= max_entries_ || waiting_bytes_ + bytes > max_bytes_)) {
    counts_.dropped[at] += sessions.size();
    return false;
  }
  counts_.queued[at] += sessions.size();
  waiting_bytes_ += bytes;
  waiting_.entries.push_back({.frame = std::move(frame), .wire = wire, .sessions = sessions.size()});
  waiting_.sessions.insert(waiting_.sessions.end(), sessions.begin(), sessions.end());
  return first;
}

void Inbox::take(Batch& into) {
  into.entries.clear();
  into.sessions.clear();
  const std::scoped_lock lock(mutex_);
  std::swap(into, waiting_);
  waiting_bytes_ = 0;
  counts_.queued = {};
}

Inbox::Counts Inbox::counts() const {
  const std::scoped_lock lock(mutex_);
  return counts_;
}

}  // namespace fanlight::server::hub
