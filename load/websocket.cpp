#include "load/websocket.hpp"

#include <algorithm>
#include <span>

#include <boost/uuid/detail/sha1.hpp>

namespace fanlight::load {
namespace {

bool is_control(WsKind kind) { return (static_cast<unsigned>(kind) & 8) != 0; }

std::string base64(std::span<const unsigned char> bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (k < have ? bytes[i + k] : 0u);
    for (std::size_t k = 0; k < 4; ++k) out.push_back(k <= have ? kDigits[group >> (18 - 6 * k) & 63] : '=');
  }
  return out;
}

struct FrameHead {
  WsKind kind = WsKind::text;
  bool final = false;
  std::size_t size = 0;  // of the head itself
  std::uint64_t length = 0;
};

/// False when the bytes can be no frame. `head.size` 0: more bytes are needed.
bool parse_head(std::string_view bytes, FrameHead& head) {
  head.size = 0;
  if (bytes.size() < 2) return true;
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  head.kind = static_cast<WsKind>(at(0) & 15u);
  head.final = (at(0) & 128u) != 0;
  // No extension was agreed; servers never mask.
  if ((at(0) & 0x70u) != 0 || (at(1) & 128u) != 0) return false;
  const auto number = static_cast<unsigned>(head.kind);
  head.length = at(1) & 127u;
  if (is_control(head.kind) ? !head.final || head.length > 125 || number > 10 : number > 2) return false;
  const std::size_t extra = head.length == 126 ? 2 : head.length == 127 ? 8 : 0;
  if (bytes.size() < 2 + extra) return true;
  if (extra != 0) {
    head.length = 0;
    for (std::size_t i = 0; i < extra; ++i) head.length = head.length << 8 | at(2 + i);
  }
  head.size = 2 + extra;
  return head.length <= kMaxItem;
}

}  // namespace

Found next_ws(std::string_view& bytes, WsState& state, WsMessage& message) {
  if (state.handed_out) {
    state.open.reset();
    state.handed_out = false;
  }
  for (FrameHead head;;) {
    if (!parse_head(bytes, head)) return Found::error;
    if (head.size == 0 || bytes.size() - head.size < head.length) return Found::nothing;
    const std::string_view payload = bytes.substr(head.size, static_cast<std::size_t>(head.length));
    bytes.remove_prefix(head.size + payload.size());
    if (is_control(head.kind)) {
      message = {head.kind, payload};
      return Found::item;
    }
    if ((head.kind == WsKind::continuation) != (state.open != nullptr)) return Found::error;
    if (state.open == nullptr && head.final) {
      message = {head.kind, payload};
      return Found::item;
    }
    if (state.open == nullptr) state.open = std::make_unique<WsFragments>(WsFragments{head.kind, {}});
    if (state.open->text.size() + payload.size() > kMaxItem) return Found::error;
    state.open->text.append(payload);
    if (!head.final) continue;
    message = {state.open->kind, state.open->text};
    state.handed_out = true;
    return Found::item;
  }
}

std::string client_frame(WsKind kind, std::string_view payload, std::uint32_t mask, bool final) {
  std::string frame;
  frame.push_back(static_cast<char>((final ? 0x80u : 0u) | static_cast<unsigned>(kind)));
  const auto masked = [](std::uint64_t length) { return static_cast<char>(0x80u | length); };
  if (payload.size() < 126) {
    frame.push_back(masked(payload.size()));
  } else {
    const std::size_t bytes = payload.size() < 65536 ? 2 : 8;
    frame.push_back(masked(bytes == 2 ? 126 : 127));
    for (std::size_t i = bytes; i-- > 0;) frame.push_back(static_cast<char>(payload.size() >> (8 * i) & 255));
  }
  std::array<char, 4> key;
  for (std::size_t i = 0; i < 4; ++i) key[i] = static_cast<char>(mask >> (8 * (3 - i)) & 255);
  frame.append(key.data(), key.size());
  for (std::size_t i = 0; i < payload.size(); ++i) frame.push_back(static_cast<char>(payload[i] ^ key[i % 4]));
  return frame;
}

std::string websocket_key(const std::array<unsigned char, 16>& random) { return base64(random); }

std::string websocket_accept(std::string_view key) {
  constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  boost::uuids::detail::sha1 sha1;
  sha1.process_bytes(key.data(), key.size());
  sha1.process_bytes(kGuid.data(), kGuid.size());
  boost::uuids::detail::sha1::digest_type words;  // five words of 32 bits, most significant byte first
  sha1.get_digest(words);
  std::array<unsigned char, 20> digest;
  for (std::size_t i = 0; i < digest.size(); ++i)
    digest[i] = static_cast<unsigned char>(words[i / 4] >> (8 * (3 - i % 4)));
  return base64(digest);
}

}  // namespace fanlight::load
