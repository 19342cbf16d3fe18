// Server-sent events as they come off the wire. In: bytes, cut anywhere. Out: events.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fanlight::load {

/// Valid until the parser is called again.
struct SseEvent {
  std::string_view data;   // lines joined by '\n'
  std::string_view id;     // the last one that the stream gave
  std::string_view event;  // empty: "message"
};

/// What a parser found in the bytes it was given.
enum class Found : unsigned char {
  nothing,  // all bytes are used up, more are needed
  item,     // one is whole; call again with what is left
  error,    // the stream makes no sense or is too long; it stays so
};

/// A byte state machine: LF, CR and CRLF end a line, comments and unknown fields are passed over, an event without data
/// is none. An event or a line of more than `max_bytes` is an error, not an allocation. Threads: one at a time.
/// Source: WHATWG HTML, 9.2.6 "Interpreting an event stream".
class SseParser {
 public:
  explicit SseParser(std::size_t max_bytes = 1u << 20) : max_bytes_(max_bytes) {}

  /// Takes bytes off the front of `bytes` until an event is whole.
  Found next(std::string_view& bytes, SseEvent& event);

 private:
  bool end_line(std::string_view line);  // true: an event is whole

  std::size_t max_bytes_;
  std::string line_;  // the beginning of a line that the bytes before ended in
  std::string data_;  // with the '\n' after every line
  std::string id_;
  std::string event_;
  std::string delivered_event_;
  bool deliver_ = false;   // data_ was handed out and goes at the next call
  bool after_cr_ = false;  // a '\n' now belongs to the line before
  bool at_start_ = true;   // a byte order mark may come
  bool failed_ = false;
};

}  // namespace fanlight::load
