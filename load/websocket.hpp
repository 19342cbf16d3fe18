// WebSocket frames, the client's side. In: bytes off the wire, cut anywhere. Out: messages and control frames; frames
// to send back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "load/found.hpp"

namespace fanlight::load {

enum class WsKind : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// Views into the bytes parsed or the fragments.
struct WsMessage {
  WsKind kind = WsKind::text;
  std::string_view payload;
};

/// A message whose last fragment has not come.
struct WsFragments {
  WsKind kind = WsKind::text;
  std::string text;
};

/// What a stream's next bytes depend on; most streams never see a fragment.
struct WsState {
  std::unique_ptr<WsFragments> open;
  bool handed_out = false;  // the fragments went out as a message and go at the next call
};

/// Puts fragments together; control frames between them come out at once. Masked, reserved, oversized control frames,
/// fragments out of turn and messages of more than kMaxItem are errors. Threads: one at a time. Cost: no copy for a
/// frame that lies whole in the bytes given. Source: RFC 6455, section 5.
Found next_ws(std::string_view& bytes, WsState& state, WsMessage& message);

/// A whole frame as a client sends it; without `final` more of the message follows. `mask` should be unpredictable to
/// whoever chose the payload.
std::string client_frame(WsKind kind, std::string_view payload, std::uint32_t mask, bool final = true);

/// The Sec-WebSocket-Key of 16 random bytes.
std::string websocket_key(const std::array<unsigned char, 16>& random);

/// What a server must answer to that key in Sec-WebSocket-Accept. Source: RFC 6455, section 4.2.2.
std::string websocket_accept(std::string_view key);

}  // namespace fanlight::load
