#include "load/redis.hpp"

#include <charconv>
#include <cstdint>

namespace fanlight::load {
namespace {

constexpr std::size_t kMaxLine = 1024;

/// Takes "…\r\n" off the front.
Found take_line(std::string_view& bytes, std::string_view& line) {
  const std::size_t end = bytes.find("\r\n");
  if (end == std::string_view::npos) return bytes.size() > kMaxLine ? Found::error : Found::nothing;
  line = bytes.substr(0, end);
  bytes.remove_prefix(end + 2);
  return Found::item;
}

Found take_scalar(std::string_view& bytes, char& type, std::string_view& text) {
  if (const Found found = take_line(bytes, text); found != Found::item) return found;
  if (text.empty()) return Found::error;
  type = text.front();
  text.remove_prefix(1);
  if (type == '+' || type == '-' || type == ':' || type == '*') return Found::item;
  if (type != '$') return Found::error;
  std::int64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc() || end != text.data() + text.size() || length > static_cast<std::int64_t>(kMaxItem))
    return Found::error;
  if (length < 0) {  // null
    text = {};
    return length == -1 ? Found::item : Found::error;
  }
  const auto size = static_cast<std::size_t>(length);
  if (bytes.size() < size + 2) return Found::nothing;
  text = bytes.substr(0, size);
  if (bytes.substr(size, 2) != "\r\n") return Found::error;
  bytes.remove_prefix(size + 2);
  return Found::item;
}

}  // namespace

Found next_redis(std::string_view& bytes, RedisReply& reply) {
  std::string_view rest = bytes;
  reply = {};
  if (const Found found = take_scalar(rest, reply.type, reply.text); found != Found::item) return found;
  if (reply.type == '*') {
    const auto [end, error] = std::from_chars(reply.text.data(), reply.text.data() + reply.text.size(), reply.count);
    if (error != std::errc() || end != reply.text.data() + reply.text.size() || reply.count > reply.parts.size())
      return Found::error;
    for (std::size_t i = 0; i < reply.count; ++i) {
      char type = 0;
      if (const Found found = take_scalar(rest, type, reply.parts[i]); found != Found::item) return found;
      if (type == '*') return Found::error;
    }
    reply.text = {};
  }
  bytes = rest;
  return Found::item;
}

std::string redis_command(std::initializer_list<std::string_view> words) {
  std::string out = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string_view word : words)
    out.append("$").append(std::to_string(word.size())).append("\r\n").append(word).append("\r\n");
  return out;
}

}  // namespace fanlight::load
