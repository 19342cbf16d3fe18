#include "server/codec/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace fanlight::server::codec {
namespace {

bool between(unsigned char byte, unsigned low, unsigned high) { return byte >= low && byte <= high; }

/// Bytes of the well-formed sequence at the start of `text`; 0 when there is none.
std::size_t sequence_length(const unsigned char* text, std::size_t left) {
  const unsigned char lead = text[0];
  if (lead < 0x80) return 1;
  if (between(lead, 0xC2, 0xDF)) return left >= 2 && between(text[1], 0x80, 0xBF) ? 2 : 0;
  if (between(lead, 0xE0, 0xEF)) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : 0xBF;
    return left >= 3 && between(text[1], low, high) && between(text[2], 0x80, 0xBF) ? 3 : 0;
  }
  if (between(lead, 0xF0, 0xF4)) {
    const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
    const bool whole = left >= 4 && between(text[1], low, high) && between(text[2], 0x80, 0xBF);
    return whole && between(text[3], 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

}  // namespace

bool is_utf8(std::string_view bytes) {
  const auto* text = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t left = bytes.size();
  while (left > 0) {
    std::uint64_t eight;
    if (left >= sizeof eight) {
      std::memcpy(&eight, text, sizeof eight);
      if ((eight & 0x8080808080808080u) == 0) {
        text += sizeof eight;
        left -= sizeof eight;
        continue;
      }
    }
    const std::size_t length = sequence_length(text, left);
    if (length == 0) return false;
    text += length;
    left -= length;
  }
  return true;
}

bool Utf8Check::add(char byte) {
  const auto c = static_cast<unsigned char>(byte);
  if (left_ > 0) {
    if (c < low_ || c > high_) return false;
    low_ = 0x80;
    high_ = 0xBF;
    --left_;
    return true;
  }
  if (c < 0x80) return true;
  if (c < 0xC2 || c > 0xF4) return false;
  left_ = c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
  if (c == 0xE0) low_ = 0xA0;
  if (c == 0xED) high_ = 0x9F;
  if (c == 0xF0) low_ = 0x90;
  if (c == 0xF4) high_ = 0x8F;
  return true;
}

}  // namespace fanlight::server::codec
