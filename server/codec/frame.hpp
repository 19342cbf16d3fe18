// What goes on the wire. In: a message's bytes. Out: frames, encoded once per wire form and shared by all who get them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace fanlight::server::codec {

/// The two forms a message can take.
enum class Wire : std::uint8_t { sse = 0, websocket = 1 };
inline constexpr std::size_t kWires = 2;
inline constexpr std::array<Wire, kWires> kAllWires = {Wire::sse, Wire::websocket};

constexpr std::size_t index_of(Wire wire) { return static_cast<std::size_t>(wire); }
constexpr std::string_view name_of(Wire wire) { return wire == Wire::sse ? "sse" : "websocket"; }

/// Bytes ready to send, and what the accounts need to know about them.
struct Encoded {
  /// An event is counted, and a full outbox may drop it; control (heads, heartbeats, pongs, close) is neither.
  enum class Kind : std::uint8_t { event, control };

  std::string storage;
  std::uint64_t published_ns = 0;  // CLOCK_MONOTONIC, when the publisher's request had been read; control: 0
  std::uint32_t begin = 0;         // where the frame starts in `storage`; before it lies room that an id did not need
  Kind kind = Kind::event;

  std::string_view bytes() const { return std::string_view(storage).substr(begin); }
};

using Frame = std::shared_ptr<const Encoded>;

/// A frame that no account counts.
inline Frame control_frame(std::string bytes) {
  return std::make_shared<const Encoded>(Encoded{.storage = std::move(bytes), .kind = Encoded::Kind::control});
}

}  // namespace fanlight::server::codec
