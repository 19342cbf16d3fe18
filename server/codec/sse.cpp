#include "server/codec/sse.hpp"

#include <charconv>
#include <cstring>
#include <iterator>
#include <string>

namespace fanlight::server::codec {
namespace {

constexpr std::string_view kIdField = "id: ";
constexpr std::size_t kDigits = 20;                           // of the largest 64-bit number
constexpr std::size_t kRoom = kIdField.size() + kDigits + 1;  // and its line end
constexpr std::string_view kData = "data: ";

}  // namespace

std::shared_ptr<Encoded> encode_sse(std::string_view payload, std::uint64_t published_ns) {
  auto event = std::make_shared<Encoded>();
  event->published_ns = published_ns;
  event->begin = kRoom;
  std::string& out = event->storage;
  out.reserve(kRoom + kData.size() + payload.size() + 2);
  out.assign(kRoom, ' ');
  out[kRoom - 1] = '\n';
  for (;;) {
    const std::size_t end = payload.find_first_of("\r\n");
    out += kData;
    out += payload.substr(0, end);
    out += '\n';
    if (end == std::string_view::npos) break;
    const bool crlf = payload[end] == '\r' && end + 1 < payload.size() && payload[end + 1] == '\n';
    payload.remove_prefix(end + (crlf ? 2 : 1));
  }
  out += '\n';
  return event;
}

void set_sse_id(Encoded& event, std::uint64_t id) {
  char digits[kDigits];
  const auto [end, error] = std::to_chars(std::begin(digits), std::end(digits), id);
  const auto count = static_cast<std::size_t>(end - digits);
  const std::size_t first_digit = kRoom - 1 - count;
  event.begin = static_cast<std::uint32_t>(first_digit - kIdField.size());
  std::memcpy(event.storage.data() + event.begin, kIdField.data(), kIdField.size());
  std::memcpy(event.storage.data() + first_digit, digits, count);
}

Frame sse_heartbeat() {
  static const Frame frame = control_frame(": heartbeat\n\n");
  return frame;
}

}  // namespace fanlight::server::codec
