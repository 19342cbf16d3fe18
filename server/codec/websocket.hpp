// WebSocket frames that the server sends. In: a payload. Out: the bytes of unmasked, final frames (RFC 6455, 5.2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/codec/frame.hpp"

namespace fanlight::server::codec {

enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// Close codes that this server sends. Source: RFC 6455, 7.4.1, and the IANA registry.
enum class CloseCode : std::uint16_t {
  none = 0,
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  no_status = 1005,  // never on the wire: the peer's close carried no code
  not_text = 1007,
  policy = 1008,
  too_big = 1009,
  try_later = 1013,
};

/// Appends one whole frame. `compressed` sets the bit of permessage-deflate (RFC 7692, 6). Control payloads are cut to
/// 125 bytes.
void append_websocket(std::string& out, Opcode opcode, std::string_view payload, bool compressed = false);

/// One event: a text frame when the payload is UTF-8, else a binary one.
Frame encode_websocket(std::string_view payload, std::uint64_t published_ns);

Frame websocket_ping();
Frame websocket_pong(std::string_view payload);
/// `no_status` sends a close frame without a code.
Frame websocket_close(CloseCode code, std::string_view reason = {});

/// The header's answer to a client's key. Source: RFC 6455, 4.2.2.
std::string websocket_accept(std::string_view key);
/// Whether a client's key is 16 bytes in base64.
bool is_websocket_key(std::string_view key);

}  // namespace fanlight::server::codec
