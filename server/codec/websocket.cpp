#include "server/codec/websocket.hpp"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "server/codec/utf8.hpp"

namespace fanlight::server::codec {
namespace {

constexpr std::size_t kMaxHeader = 10;
constexpr std::size_t kMaxControlPayload = 125;

void append_big_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xFF);
}

}  // namespace

void append_websocket(std::string& out, Opcode opcode, std::string_view payload, bool compressed) {
  const bool control = static_cast<unsigned>(opcode) >= 8;
  if (control) payload = payload.substr(0, kMaxControlPayload);
  out.reserve(out.size() + kMaxHeader + payload.size());
  out += static_cast<char>(0x80u | (compressed ? 0x40u : 0u) | static_cast<unsigned>(opcode));
  if (payload.size() <= 125) {
    out += static_cast<char>(payload.size());
  } else if (payload.size() <= 0xFFFF) {
    out += static_cast<char>(126);
    append_big_endian(out, payload.size(), 2);
  } else {
    out += static_cast<char>(127);
    append_big_endian(out, payload.size(), 8);
  }
  out += payload;
}

Frame encode_websocket(std::string_view payload, std::uint64_t published_ns) {
  NewFrame event = new_frame(published_ns);
  append_websocket(event->storage, is_utf8(payload) ? Opcode::text : Opcode::binary, payload);
  return event;
}

Frame websocket_ping() {
  static const Frame frame = [] {
    std::string bytes;
    append_websocket(bytes, Opcode::ping, {});
    return control_frame(std::move(bytes));
  }();
  return frame;
}

Frame websocket_pong(std::string_view payload) {
  std::string bytes;
  append_websocket(bytes, Opcode::pong, payload);
  return control_frame(std::move(bytes));
}

Frame websocket_close(CloseCode code, std::string_view reason) {
  std::string payload;
  if (code != CloseCode::no_status && code != CloseCode::none) {
    append_big_endian(payload, static_cast<std::uint16_t>(code), 2);
    payload += reason.substr(0, kMaxControlPayload - 2);
  }
  std::string bytes;
  append_websocket(bytes, Opcode::close, payload);
  return control_frame(std::move(bytes));
}

std::string websocket_accept(std::string_view key) {
  constexpr std::string_view kMagic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::string text(key);
  text += kMagic;
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
  ::SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::array<unsigned char, 29> base64;
  ::EVP_EncodeBlock(base64.data(), digest.data(), digest.size());
  return std::string(reinterpret_cast<const char*>(base64.data()), 28);
}

bool is_websocket_key(std::string_view key) {
  const auto base64 = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  };
  return key.size() == 24 && key.ends_with("==") && std::ranges::all_of(key.substr(0, 22), base64);
}

}  // namespace fanlight::server::codec
