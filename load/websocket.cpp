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

}  // namespace

bool WsParser::parse_header() {
  const unsigned length = header_[1] & 127u;
  header_needs_ = length == 126 ? 4 : length == 127 ? 10 : 2;
  if (header_size_ < header_needs_) return true;
  kind_ = static_cast<WsKind>(header_[0] & 15u);
  final_ = (header_[0] & 128u) != 0;
  left_ = length;
  if (length >= 126) {
    left_ = 0;
    for (std::size_t i = 2; i < header_needs_; ++i) left_ = left_ << 8 | header_[i];
  }
  header_size_ = 0;
  header_needs_ = 2;
  in_payload_ = true;
  if ((header_[0] & 0x70u) != 0 || (header_[1] & 128u) != 0)
    return false;  // no extension was agreed; servers never mask
  if (is_control(kind_)) return final_ && left_ <= 125 && static_cast<unsigned>(kind_) <= 10;
  if (static_cast<unsigned>(kind_) > 2) return false;
  const bool open = fragments_kind_ != WsKind::continuation;
  if ((kind_ == WsKind::continuation) != open) return false;
  return left_ <= max_bytes_ && (!open || fragments_.size() + left_ <= max_bytes_);
}

bool WsParser::payload_is_whole(std::string_view& bytes, std::string_view& payload) {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
  const bool at_once = frame_.empty() && count == left_;
  payload = bytes.substr(0, count);
  if (!at_once) frame_.append(payload);
  bytes.remove_prefix(count);
  left_ -= count;
  if (!at_once) payload = frame_;
  return left_ == 0;
}

Found WsParser::finish_frame(std::string_view payload, WsMessage& message) {
  in_payload_ = false;
  if (is_control(kind_)) {
    message = {kind_, payload};
    return Found::item;
  }
  if (kind_ != WsKind::continuation && final_) {
    message = {kind_, payload};
    return Found::item;
  }
  if (kind_ != WsKind::continuation) {
    fragments_kind_ = kind_;
    fragments_.clear();
  }
  fragments_.append(payload);
  if (!final_) return Found::nothing;
  message = {fragments_kind_, fragments_};
  fragments_kind_ = WsKind::continuation;
  return Found::item;
}

Found WsParser::next(std::string_view& bytes, WsMessage& message) {
  if (!in_payload_) frame_.clear();
  // A frame without payload is whole when its header is, even if no byte follows.
  while (!failed_ && (!bytes.empty() || (in_payload_ && left_ == 0))) {
    if (in_payload_) {
      std::string_view payload;
      if (!payload_is_whole(bytes, payload)) break;
      if (finish_frame(payload, message) == Found::item) return Found::item;
      frame_.clear();
      continue;
    }
    header_[header_size_++] = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    if (header_size_ >= header_needs_ && !parse_header()) failed_ = true;
  }
  return failed_ ? Found::error : Found::nothing;
}

std::string client_frame(WsKind kind, std::string_view payload, std::uint32_t mask) {
  std::string frame;
  frame.push_back(static_cast<char>(0x80u | static_cast<unsigned>(kind)));
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
