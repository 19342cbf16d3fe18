#include "server/codec/websocket.hpp"

#include "server/codec/utf8.hpp"

namespace fanlight::server::codec {
namespace {

constexpr std::size_t kMaxHeader = 10;
constexpr std::size_t kMaxControlPayload = 125;

void append_big_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xFF);
}

void append_frame(std::string& out, Opcode opcode, std::string_view payload) {
  out.reserve(kMaxHeader + payload.size());
  out += static_cast<char>(0x80u | static_cast<unsigned>(opcode));
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

}  // namespace

std::shared_ptr<Encoded> encode_websocket(std::string_view payload, std::uint64_t published_ns) {
  auto event = std::make_shared<Encoded>();
  event->published_ns = published_ns;
  append_frame(event->storage, is_utf8(payload) ? Opcode::text : Opcode::binary, payload);
  return event;
}

std::string websocket_frame(Opcode opcode, std::string_view payload) {
  const bool control = static_cast<unsigned>(opcode) >= 8;
  std::string out;
  append_frame(out, opcode, control ? payload.substr(0, kMaxControlPayload) : payload);
  return out;
}

Frame websocket_ping() {
  static const Frame frame = control_frame(websocket_frame(Opcode::ping, {}));
  return frame;
}

Frame websocket_pong(std::string_view payload) { return control_frame(websocket_frame(Opcode::pong, payload)); }

Frame websocket_close(CloseCode code) {
  std::string payload;
  if (code != CloseCode::no_status && code != CloseCode::none) {
    append_big_endian(payload, static_cast<std::uint16_t>(code), 2);
  }
  return control_frame(websocket_frame(Opcode::close, payload));
}

}  // namespace fanlight::server::codec
