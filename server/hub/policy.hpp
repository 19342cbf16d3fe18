// What becomes of a client that reads too slowly. In: rules by topic. Out: the rule for a topic.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fanlight::server::hub {

enum class SlowClient : std::uint8_t {
  drop_oldest,  // its oldest waiting event makes room
  conflate,     // a newer event with the same key takes an older one's place; then as drop_oldest
  evict,        // it is closed: 1013 over WebSocket, the stream's end over SSE
};
std::optional<SlowClient> slow_client(std::string_view name);
std::string_view name_of(SlowClient policy);

struct TopicPolicy {
  SlowClient slow = SlowClient::drop_oldest;
  std::uint32_t outbox_frames = 256;       // per subscriber, three at least
  std::uint32_t outbox_bytes = 8u << 20;   // per subscriber
  std::chrono::milliseconds max_age{0};    // of a waiting event; 0: any
  std::uint32_t history_messages = 100;    // kept for replay; 0: none
  std::uint32_t history_bytes = 1u << 20;  // kept for replay, at most
};

/// The first rule whose pattern fits decides. A pattern is a topic's name, or the beginning of one and a '*'.
struct TopicRule {
  std::string pattern;
  SlowClient slow;
};

struct TopicPolicies {
  TopicPolicy common;
  std::vector<TopicRule> rules;

  TopicPolicy of(std::string_view topic) const;
};

}  // namespace fanlight::server::hub
