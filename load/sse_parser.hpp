// Server-sent events as they come off the wire. In: bytes, cut anywhere. Out: events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "load/found.hpp"

namespace fanlight::load {

/// What a stream's next bytes depend on.
struct SseState {
  bool at_start = true;   // a byte order mark may come
  bool after_cr = false;  // a '\n' now belongs to the line before
};

/// Views into the bytes parsed or the scratch.
struct SseEvent {
  std::string_view data;   // lines joined by '\n'
  std::string_view id;     // of this event
  std::string_view event;  // empty: "message"
  bool has_data = false;   // without, it is no event: its id counts all the same
  bool has_id = false;
  std::uint32_t bad_comments = 0;  // before it: longer than 256 bytes or with control characters
  std::uint32_t bad_ids = 0;       // passed over, since they hold a NUL
  std::uint32_t bad_lines = 0;     // of unknown fields, whose name is longer than 256 bytes or has control characters
  std::int64_t retry_ms = -1;      // -1: none given
};

/// Finds the next blank line and what stands before it, in place: LF, CR and CRLF end a line, unknown fields are passed
/// over. `scratch` takes the data of events of several lines. More than kMaxItem bytes without an event are an error.
/// Threads: one at a time. Cost: one memchr per line and kind of line end; no allocation for events of one data line.
/// Source: WHATWG HTML, 9.2.6 "Interpreting an event stream".
Found next_sse(std::string_view& bytes, SseState& state, std::string& scratch, SseEvent& event);

/// No control characters but tab, at most 256 bytes.
bool is_clean(std::string_view text);

}  // namespace fanlight::load
