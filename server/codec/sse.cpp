#include "server/codec/sse.hpp"

#include <algorithm>
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
  // Each kind of line end is looked for with one memchr per hit: find_first_of goes byte by byte, seven times slower.
  std::size_t from = 0;
  std::size_t next_cr = payload.find('\r');
  std::size_t next_lf = payload.find('\n');
  for (;;) {
    const std::size_t end = std::min(next_cr, next_lf);
    out += kData;
    out += payload.substr(from, end - from);
    out += '\n';
    if (end == std::string_view::npos) break;
    const bool crlf = end == next_cr && next_lf == next_cr + 1;
    from = end + (crlf ? 2 : 1);
    if (next_cr < from) next_cr = payload.find('\r', from);
    if (next_lf < from) next_lf = payload.find('\n', from);
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
