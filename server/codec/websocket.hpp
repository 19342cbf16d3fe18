// WebSocket frames that the server sends. In: a payload. Out: the bytes of one unmasked, final frame (RFC 6455, 5.2).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/codec/frame.hpp"

namespace fanlight::server::codec {

enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// Close codes that this server sends. Source: RFC 6455, 7.4.1.
enum class CloseCode : std::uint16_t {
  none = 0,
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  no_status = 1005,  // never on the wire: the peer's close carried no code
  too_big = 1009,
};

/// One event: a text frame when the payload is UTF-8, else a binary one. Cost: one allocation, two passes.
std::shared_ptr<Encoded> encode_websocket(std::string_view payload, std::uint64_t published_ns);

/// The bytes of any frame. A control frame's payload is cut to 125 bytes.
std::string websocket_frame(Opcode opcode, std::string_view payload);

Frame websocket_ping();
Frame websocket_pong(std::string_view payload);
/// `no_status` sends a close frame without a code.
Frame websocket_close(CloseCode code);

}  // namespace fanlight::server::codec
