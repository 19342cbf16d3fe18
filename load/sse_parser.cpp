#include "load/sse_parser.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace fanlight::load {
namespace {

const char* find(const char* from, const char* to, char c) {
  return static_cast<const char*>(std::memchr(from, c, static_cast<std::size_t>(to - from)));
}

void take_field(std::string_view line, std::string& scratch, SseEvent& event, bool& joined) {
  const std::size_t colon = line.find(':');
  if (colon == 0) {
    if (!is_clean(line.substr(1))) ++event.bad_comments;
    return;
  }
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (!event.has_data) {
      event.has_data = true;
      event.data = value;
    } else {
      if (!joined) scratch.assign(event.data);
      joined = true;
      scratch.append(1, '\n').append(value);
    }
  } else if (field == "id") {
    if (value.find('\0') != std::string_view::npos) {
      ++event.bad_ids;
      return;
    }
    event.has_id = true;
    event.id = value;
  } else if (field == "event") {
    event.event = value;
  } else if (field == "retry") {
    std::int64_t ms = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), ms);
    if (error == std::errc() && end == value.data() + value.size() && ms >= 0) event.retry_ms = ms;
  } else if (!is_clean(field)) {
    ++event.bad_lines;
  }
}

}  // namespace

bool is_clean(std::string_view text) {
  return text.size() <= 256 &&
         std::none_of(text.begin(), text.end(), [](unsigned char c) { return (c < 32 && c != '\t') || c == 127; });
}

Found next_sse(std::string_view& bytes, SseState& state, std::string& scratch, SseEvent& event) {
  if (state.after_cr && !bytes.empty()) {
    if (bytes.front() == '\n') bytes.remove_prefix(1);
    state.after_cr = false;
  }
  if (state.at_start && !bytes.empty()) {
    constexpr std::string_view kMark = "\xEF\xBB\xBF";
    const std::string_view begin = bytes.substr(0, kMark.size());
    if (begin == kMark)
      bytes.remove_prefix(kMark.size());
    else if (kMark.starts_with(begin) && begin.size() < kMark.size())
      return Found::nothing;
    state.at_start = false;
  }
  if (bytes.empty()) return Found::nothing;
  event = {};
  bool joined = false;
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  while (at < end) {
    const char* const lf = find(at, end, '\n');
    const char* const cr = find(at, lf == nullptr ? end : lf, '\r');
    const char* const line_end = cr != nullptr ? cr : lf;
    if (line_end == nullptr) break;
    const std::string_view line(at, static_cast<std::size_t>(line_end - at));
    const bool crlf = cr != nullptr && lf == cr + 1;
    at = line_end + (crlf ? 2 : 1);
    if (!line.empty()) {
      take_field(line, scratch, event, joined);
      continue;
    }
    // The next byte may be the second half of this line's end.
    state.after_cr = cr != nullptr && at == end && !crlf;
    bytes.remove_prefix(static_cast<std::size_t>(at - bytes.data()));
    if (joined) event.data = scratch;
    return Found::item;
  }
  return bytes.size() > kMaxItem ? Found::error : Found::nothing;
}

}  // namespace fanlight::load
