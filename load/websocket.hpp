// WebSocket frames, the client's side. In: bytes off the wire, cut anywhere. Out: messages and control frames; frames
// to send back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "load/sse_parser.hpp"

namespace fanlight::load {

enum class WsKind : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// Valid until the parser is called again.
struct WsMessage {
  WsKind kind = WsKind::text;
  std::string_view payload;
};

/// Puts fragments together; control frames between them come out at once. Masked, reserved, oversized control frames,
/// fragments out of turn and messages of more than `max_bytes` are errors. Threads: one at a time. Cost: no copy for a
/// frame that lies whole in the bytes given. Source: RFC 6455, section 5.
class WsParser {
 public:
  explicit WsParser(std::size_t max_bytes = 1u << 20) : max_bytes_(max_bytes) {}

  /// Takes bytes off the front of `bytes` until a message or control frame is whole.
  Found next(std::string_view& bytes, WsMessage& message);

 private:
  bool parse_header();
  bool payload_is_whole(std::string_view& bytes, std::string_view& payload);
  Found finish_frame(std::string_view payload, WsMessage& message);

  std::size_t max_bytes_;
  std::array<unsigned char, 10> header_{};
  std::size_t header_size_ = 0;  // bytes of it that have come
  std::size_t header_needs_ = 2;
  bool in_payload_ = false;
  bool final_ = false;
  WsKind kind_ = WsKind::text;
  std::uint64_t left_ = 0;  // bytes of the frame's payload still to come
  std::string frame_;       // its beginning, where it came in parts
  std::string fragments_;
  WsKind fragments_kind_ = WsKind::continuation;  // continuation: no message is open
  bool failed_ = false;
};

/// A whole frame as a client sends it. `mask` should be unpredictable to whoever chose the payload.
std::string client_frame(WsKind kind, std::string_view payload, std::uint32_t mask);

/// The Sec-WebSocket-Key of 16 random bytes.
std::string websocket_key(const std::array<unsigned char, 16>& random);

/// What a server must answer to that key in Sec-WebSocket-Accept. Source: RFC 6455, section 4.2.2.
std::string websocket_accept(std::string_view key);

}  // namespace fanlight::load
