// HTTP/1.1 responses as a client reads them. In: bytes, cut anywhere. Out: the head, then pieces of the body.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "load/chunk_framing.hpp"

namespace fanlight::load {

struct ResponseHead {
  unsigned status = 0;
  bool old = false;  // HTTP/1.0, whose connections end with the response unless they say otherwise
  std::map<std::string, std::string, std::less<>> fields;  // names in lower case; the last of a name wins

  /// Empty when there is no such field.
  std::string_view field(std::string_view lower_case_name) const;
};

/// Knows bodies with a length, chunked ones, those that end with the connection, and none (1xx, 204, 304). A head of
/// more than 16 KiB, folded lines, a bad length or chunk size are errors. Interim responses but 101 are passed over.
/// Threads: one at a time. Source: RFC 9112, sections 4 to 7.
class ResponseReader {
 public:
  enum class Event : std::uint8_t {
    nothing,   // all bytes are used up
    head,      // head() is whole
    body,      // `piece` is the next part of the body
    complete,  // the response is over; what is left belongs to the next one, or to the upgraded protocol
    error,
  };

  /// With `head`, no byte behind the head is taken, whatever the head says of a body: that is the caller's.
  enum class Until : std::uint8_t { end, head };

  /// Takes bytes off the front of `bytes`. `piece` points into them.
  Event next(std::string_view& bytes, std::string_view& piece, Until until = Until::end);
  const ResponseHead& head() const { return head_; }
  /// The body lasts until the connection ends: its end is the response's.
  bool ends_with_connection() const { return phase_ == Phase::until_close; }
  /// Begins the next response on the same connection.
  void reset();

 private:
  enum class Phase : std::uint8_t {
    head,
    announce,
    counted,
    until_close,
    chunked,
    complete,
    failed,
  };

  bool parse_head();
  Phase body_phase();

  ResponseHead head_;
  std::string text_;        // of the head, as it comes
  std::uint64_t left_ = 0;  // bytes of a counted body
  ChunkFraming chunks_;     // of a chunked one
  Phase phase_ = Phase::head;
};

}  // namespace fanlight::load
