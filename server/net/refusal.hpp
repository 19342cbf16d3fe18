// Why something that a client asked for was not done. In: nothing. Out: causes, and their names on `/metrics`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fanlight::server::net {

enum class Refusal : std::uint8_t {
  malformed,           // not an HTTP/1 request
  head_too_large,      // above 8 KiB
  body_too_large,      // above --max-body
  not_found,           // no such path
  wrong_method,        // a path, but not by that method
  bad_topic,           // not a topic's name
  bad_group,           // not a group's name, or no such assignment
  bad_name,            // not an event's name, or not a key
  not_websocket,       // a handshake that lacks something
  origin,              // a browser's page from elsewhere
  denied,              // without the right to publish or subscribe
  throttled,           // publishes above an address's rate
  too_many_topics,     // with subscribers, or on one connection
  group_shares_so,     // its members share in another way
  unknown_topic,       // the origin does not know it
  nothing_remembered,  // of the topic, and there is no origin
  origin_failed,       // and nothing is remembered
  stopping,
  max_connections,
  max_per_address,
  accept_rate,
  not_a_command,       // that a WebSocket client sent
  already_subscribed,  // by that connection
  not_subscribed,      // by that connection
};
inline constexpr std::size_t kRefusals = 24;
inline constexpr std::array<std::string_view, kRefusals> kRefusalNames = {"malformed",
                                                                          "head_too_large",
                                                                          "body_too_large",
                                                                          "not_found",
                                                                          "wrong_method",
                                                                          "bad_topic",
                                                                          "bad_group",
                                                                          "bad_name",
                                                                          "not_websocket",
                                                                          "origin",
                                                                          "denied",
                                                                          "throttled",
                                                                          "too_many_topics",
                                                                          "group_shares_so",
                                                                          "unknown_topic",
                                                                          "nothing_remembered",
                                                                          "origin_failed",
                                                                          "stopping",
                                                                          "max_connections",
                                                                          "max_per_address",
                                                                          "accept_rate",
                                                                          "not_a_command",
                                                                          "already_subscribed",
                                                                          "not_subscribed"};
static_assert(static_cast<std::size_t>(Refusal::not_subscribed) + 1 == kRefusals);

/// How often each cause came up.
using RefusalCounts = std::array<std::uint64_t, kRefusals>;
inline std::uint64_t& count_of(RefusalCounts& counts, Refusal cause) { return counts[static_cast<std::size_t>(cause)]; }
inline std::uint64_t count_of(const RefusalCounts& counts, Refusal cause) {
  return counts[static_cast<std::size_t>(cause)];
}

}  // namespace fanlight::server::net
