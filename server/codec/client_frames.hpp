// WebSocket frames that clients send. In: bytes, in any portions. Out: pings to answer, closes to return, violations.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "server/codec/websocket.hpp"

namespace fanlight::server::codec {

/// What a client's frame asks of the server. Messages ask nothing: subscribers do not publish over WebSocket.
struct ClientRequest {
  enum class Kind : std::uint8_t { none, pong, close } kind = Kind::none;
  std::string payload;               // pong: what to send back, at most 125 bytes
  CloseCode code = CloseCode::none;  // close: what to send back
  const char* why = "";              // close: the reason, for people
  bool by_client = false;            // close: it asked for it, and did not break a rule
};

/// Reads a client's frames without storing messages: 160 bytes per connection, whatever a client sends. Data payloads
/// are skipped and their text is not checked for UTF-8. Threads: the owning worker's only. Source: RFC 6455, 5 and 7.4.
class ClientFrames {
 public:
  /// A message larger than this, over all its fragments, is answered with 1009.
  explicit ClientFrames(std::uint64_t max_message_bytes = 64 * 1024) : max_message_bytes_(max_message_bytes) {}

  /// Consumes bytes up to and including the next frame that asks something; `bytes` is what remains. Kind::none: all
  /// consumed. After Kind::close nothing more is read. Cost: O(bytes); allocates only for a pong of more than 15 bytes.
  ClientRequest next(std::span<const std::byte>& bytes);

 private:
  ClientRequest violation(CloseCode code, const char* why);
  ClientRequest begin_frame();
  ClientRequest end_frame();
  std::size_t header_size() const;

  std::uint64_t max_message_bytes_;
  std::uint64_t message_bytes_ = 0;  // of the fragments so far
  std::uint64_t payload_left_ = 0;
  std::array<unsigned char, 14> header_{};
  std::array<char, 125> control_{};  // unmasked payload of the control frame being read
  std::uint8_t header_have_ = 0;
  std::uint8_t control_have_ = 0;
  bool in_payload_ = false;
  bool in_message_ = false;  // a fragmented message is open
  bool closed_ = false;
};

}  // namespace fanlight::server::codec
