// WebSocket frames that clients send. In: bytes, in any portions. Out: messages, pings to answer, closes, violations.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "server/codec/utf8.hpp"
#include "server/codec/websocket.hpp"

namespace fanlight::server::codec {

/// What a client's frame asks of the server.
struct ClientRequest {
  enum class Kind : std::uint8_t { none, message, pong, ponged, close } kind = Kind::none;
  std::string payload;               // pong: what to send back, at most 125 bytes; message: its bytes, inflated
  CloseCode code = CloseCode::none;  // close: what to send back
  const char* why = "";              // close: the reason, one of a few; for people and counters
  bool by_client = false;            // close: it asked for it, and did not break a rule
  bool text = false;                 // message
};

/// What to do with a client's messages.
struct ClientFramesOptions {
  std::uint64_t max_message_bytes = 64 * 1024;  // over all fragments, and inflated; more is answered with 1009
  bool keep = false;                            // hand messages out; otherwise they are checked and thrown away
  bool deflate = false;                         // permessage-deflate was agreed on
};

/// Reads a client's frames: about 130 bytes per connection and what a message under way needs. Text is checked for
/// UTF-8 as it comes. Threads: the owning worker's only. Source: RFC 6455, 5, 7.4 and 8.1; RFC 7692, 6.
class ClientFrames {
 public:
  using Options = ClientFramesOptions;
  explicit ClientFrames(Options options = {}) : options_(options) {}

  /// Consumes bytes up to and including the next frame that asks something; `bytes` is what remains. Kind::none: all
  /// consumed. After Kind::close nothing more is read. Cost: O(bytes).
  ClientRequest next(std::span<const std::byte>& bytes);

 private:
  ClientRequest violation(CloseCode code, const char* why);
  ClientRequest begin_frame();
  ClientRequest take_payload(std::span<const std::byte> bytes);
  ClientRequest end_frame();
  ClientRequest end_message();
  ClientRequest end_close();
  std::size_t header_size() const;
  bool stores() const { return options_.keep || compressed_; }

  Options options_;
  std::uint64_t message_bytes_ = 0;  // of the fragments so far, as they came
  std::uint64_t payload_left_ = 0;
  std::uint64_t payload_at_ = 0;  // bytes of the frame read so far, for the mask
  std::string message_;
  std::string control_;
  std::array<unsigned char, 14> header_{};
  std::uint8_t header_have_ = 0;
  Utf8Check utf8_;
  bool in_payload_ = false;
  bool in_message_ = false;  // a message is open: this frame's or a fragmented one
  bool text_ = false;
  bool compressed_ = false;
  bool closed_ = false;
};

}  // namespace fanlight::server::codec
