#include "server/codec/client_frames.hpp"

#include <algorithm>
#include <utility>

#include "server/codec/deflate.hpp"

namespace fanlight::server::codec {
namespace {

constexpr std::size_t kMaskBytes = 4;
constexpr std::size_t kMaxControl = 125;

bool is_control(unsigned opcode) { return opcode >= 8; }

/// Codes that a peer may put on the wire. Source: RFC 6455, 7.4.1 and 7.4.2; 1012 to 1014 by the IANA registry.
bool may_be_sent(unsigned code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

}  // namespace

std::size_t ClientFrames::header_size() const {
  if (header_have_ < 2) return 2;
  const unsigned length = header_[1] & 0x7F;
  return 2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + kMaskBytes;
}

ClientRequest ClientFrames::violation(CloseCode code, const char* why) {
  closed_ = true;
  message_ = {};
  return {.kind = ClientRequest::Kind::close, .code = code, .why = why};
}

ClientRequest ClientFrames::begin_frame() {
  const bool final = (header_[0] & 0x80) != 0;
  const bool compressed = (header_[0] & 0x40) != 0;
  const unsigned opcode = header_[0] & 0x0F;
  std::uint64_t length = header_[1] & 0x7F;
  const std::size_t length_bytes = length == 126 ? 2 : length == 127 ? 8 : 0;
  if (length_bytes > 0) {
    const std::uint64_t short_limit = length == 126 ? 125 : 0xFFFF;
    length = 0;
    for (std::size_t i = 0; i < length_bytes; ++i) length = length << 8 | header_[2 + i];
    if (length <= short_limit) return violation(CloseCode::protocol_error, "length not in its shortest form");
    if (length >> 63 != 0) return violation(CloseCode::protocol_error, "length above 2^63");
  }
  if (is_control(opcode)) {
    if (!final) return violation(CloseCode::protocol_error, "fragmented control frame");
    if (compressed) return violation(CloseCode::protocol_error, "compressed control frame");
    if (length > kMaxControl) return violation(CloseCode::protocol_error, "control frame above 125 bytes");
    control_.clear();
  } else {
    if (opcode == 0 && !in_message_) return violation(CloseCode::protocol_error, "continuation of nothing");
    if (opcode == 0 && compressed) return violation(CloseCode::protocol_error, "compressed bit inside a message");
    if (opcode != 0 && in_message_) return violation(CloseCode::protocol_error, "message inside a message");
    if (opcode != 0) {
      message_bytes_ = 0;
      message_.clear();
      utf8_ = {};
      text_ = opcode == static_cast<unsigned>(Opcode::text);
      compressed_ = compressed;
      in_message_ = true;
    }
    if (length > options_.max_message_bytes - message_bytes_) return violation(CloseCode::too_big, "message too big");
    message_bytes_ += length;
  }
  payload_left_ = length;
  payload_at_ = 0;
  in_payload_ = true;
  return {};
}

ClientRequest ClientFrames::take_payload(std::span<const std::byte> bytes) {
  const unsigned char* mask = header_.data() + header_size() - kMaskBytes;
  const bool control = is_control(header_[0] & 0x0F);
  const bool check = !control && text_ && !compressed_;
  const bool store = control || stores();
  if (store || check) {
    std::string& into = control ? control_ : message_;
    for (const std::byte byte : bytes) {
      const auto plain = static_cast<char>(static_cast<unsigned char>(byte) ^ mask[payload_at_++ & 3]);
      if (check && !utf8_.add(plain)) return violation(CloseCode::not_text, "text is not UTF-8");
      if (store) into += plain;
    }
  }
  payload_left_ -= bytes.size();
  return {};
}

ClientRequest ClientFrames::end_message() {
  in_message_ = false;
  if (text_ && !compressed_ && !utf8_.complete()) return violation(CloseCode::not_text, "text is not UTF-8");
  if (compressed_) {
    std::string inflated;
    switch (append_inflated(inflated, message_, options_.max_message_bytes)) {
      case Inflated::good: break;
      case Inflated::too_big: return violation(CloseCode::too_big, "inflates to more than a message may have");
      case Inflated::broken: return violation(CloseCode::not_text, "does not inflate");
    }
    if (text_ && !is_utf8(inflated)) return violation(CloseCode::not_text, "text is not UTF-8");
    message_ = std::move(inflated);
  }
  std::string message = std::exchange(message_, {});  // a message's memory is not kept: most clients never send another
  if (!options_.keep) return {};
  return {.kind = ClientRequest::Kind::message, .payload = std::move(message), .text = text_};
}

ClientRequest ClientFrames::end_close() {
  const std::string_view payload = control_;
  if (payload.size() == 1) return violation(CloseCode::protocol_error, "close code cut short");
  closed_ = true;
  const auto farewell = [](CloseCode code) {
    return ClientRequest{
        .kind = ClientRequest::Kind::close, .code = code, .why = "closed by the client", .by_client = true};
  };
  if (payload.empty()) return farewell(CloseCode::no_status);
  const unsigned code = static_cast<unsigned char>(payload[0]) << 8 | static_cast<unsigned char>(payload[1]);
  if (!may_be_sent(code)) return violation(CloseCode::protocol_error, "close code that must not be sent");
  if (!is_utf8(payload.substr(2))) return violation(CloseCode::not_text, "close reason is not UTF-8");
  return farewell(static_cast<CloseCode>(code));
}

ClientRequest ClientFrames::end_frame() {
  const bool final = (header_[0] & 0x80) != 0;
  const auto opcode = static_cast<Opcode>(header_[0] & 0x0F);
  header_have_ = 0;
  in_payload_ = false;
  switch (opcode) {
    case Opcode::ping: return {.kind = ClientRequest::Kind::pong, .payload = std::exchange(control_, {})};
    case Opcode::pong: control_ = {}; return {.kind = ClientRequest::Kind::ponged};
    case Opcode::close: return end_close();
    default: return final ? end_message() : ClientRequest{};
  }
}

ClientRequest ClientFrames::next(std::span<const std::byte>& bytes) {
  while (!closed_) {
    if (!in_payload_) {
      while (header_have_ < header_size()) {
        if (bytes.empty()) return {};
        header_[header_have_++] = static_cast<unsigned char>(bytes.front());
        bytes = bytes.subspan(1);
        // The first two bytes are judged as they come: a peer that is not speaking WebSocket is found out at once.
        if (header_have_ == 1) {
          const unsigned opcode = header_[0] & 0x0F;
          const unsigned reserved = options_.deflate ? 0x30 : 0x70;
          if ((header_[0] & reserved) != 0) return violation(CloseCode::protocol_error, "reserved bits set");
          if ((opcode > 2 && opcode < 8) || opcode > 10) return violation(CloseCode::protocol_error, "unknown opcode");
        }
        if (header_have_ == 2 && (header_[1] & 0x80) == 0)
          return violation(CloseCode::protocol_error, "frame not masked");
      }
      if (ClientRequest request = begin_frame(); request.kind != ClientRequest::Kind::none) return request;
    }
    const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(payload_left_, bytes.size()));
    if (ClientRequest request = take_payload(bytes.first(take)); request.kind != ClientRequest::Kind::none)
      return request;
    bytes = bytes.subspan(take);
    if (payload_left_ > 0) return {};
    if (ClientRequest request = end_frame(); request.kind != ClientRequest::Kind::none) return request;
  }
  bytes = {};
  return {};
}

}  // namespace fanlight::server::codec
