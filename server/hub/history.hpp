// What a topic remembers. In: its messages. Out: those after an id, and whether some are gone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <boost/circular_buffer.hpp>

#include "server/codec/message.hpp"

namespace fanlight::server::hub {

/// What a client that comes back gets before what is new.
struct Replay {
  std::vector<codec::MessagePtr> messages;  // oldest first
  bool loss = false;                        // not all that came after the id
  std::uint64_t lost = 0;                   // how many are gone; 0 with `loss`: the id is none of ours
};

/// The last messages, bounded by number and bytes. Ids grow by one. Threads: one at a time.
class History {
 public:
  History(std::size_t max_messages, std::size_t max_bytes) : max_messages_(max_messages), max_bytes_(max_bytes) {}

  void add(codec::MessagePtr message);
  /// `last_id`: of the topic's newest message, kept or not. Cost: O(messages after the id).
  Replay after(std::uint64_t id, std::uint64_t last_id) const;
  std::size_t size() const { return messages_.size(); }
  std::size_t bytes() const { return bytes_; }
  /// The newest message; null: none.
  codec::MessagePtr newest() const { return messages_.empty() ? codec::MessagePtr() : messages_.back(); }

 private:
  std::size_t max_messages_;
  std::size_t max_bytes_;
  std::size_t bytes_ = 0;  // of payloads
  boost::circular_buffer<codec::MessagePtr> messages_;
};

}  // namespace fanlight::server::hub
