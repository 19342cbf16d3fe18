// What subscribers speak. In: a name. Out: a protocol, and back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace fanlight::load {

enum class Protocol : std::uint8_t { sse, websocket, redis, nats };
inline constexpr std::size_t kProtocols = 4;
inline constexpr std::array<Protocol, kProtocols> kAllProtocols = {Protocol::sse, Protocol::websocket, Protocol::redis,
                                                                   Protocol::nats};

constexpr std::size_t index_of(Protocol protocol) { return static_cast<std::size_t>(protocol); }

/// As options, scenarios and JSON write it.
constexpr std::string_view name_of(Protocol protocol) {
  constexpr std::array<std::string_view, kProtocols> kNames{"sse", "ws", "redis", "nats"};
  return kNames[index_of(protocol)];
}
/// As people read it.
constexpr std::string_view title_of(Protocol protocol) {
  constexpr std::array<std::string_view, kProtocols> kTitles{"SSE", "WebSocket", "Redis", "NATS"};
  return kTitles[index_of(protocol)];
}
constexpr std::optional<Protocol> protocol_from(std::string_view name) {
  for (const Protocol protocol : kAllProtocols)
    if (name_of(protocol) == name) return protocol;
  return std::nullopt;
}

}  // namespace fanlight::load
