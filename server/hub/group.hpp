// Members that share a topic's messages. In: a message's key. Out: the one member that gets it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/hub/subscriber.hpp"

namespace fanlight::server::hub {

enum class Assignment : std::uint8_t {
  round_robin,  // in turn
  range,        // the keys' hashes are cut into equal ranges, one per member in the order in which they joined
  sticky,       // a key stays with its member while that is there (rendezvous hashing)
};
std::optional<Assignment> assignment(std::string_view name);
std::string_view name_of(Assignment assignment);

/// A consumer group of one topic. Threads: one at a time (the topic's publishing lock).
class Group {
 public:
  struct Member {
    unsigned worker;
    SessionRef session;
    std::uint32_t id;  // its own for ever
  };

  Group(std::string name, Assignment how) : name_(std::move(name)), how_(how) {}

  const std::string& name() const { return name_; }
  Assignment how() const { return how_; }
  std::size_t size() const { return members_.size(); }
  void join(unsigned worker, SessionRef session) {
    members_.push_back({.worker = worker, .session = session, .id = next_id_++});
  }
  /// False when it was not there.
  bool leave(unsigned worker, SessionRef session);
  /// Null when the group is empty. A message without a key counts by its id.
  const Member* pick(std::string_view key, std::uint64_t id);

 private:
  std::string name_;
  Assignment how_;
  std::vector<Member> members_;
  std::size_t turn_ = 0;
  std::uint32_t next_id_ = 1;
};

}  // namespace fanlight::server::hub
