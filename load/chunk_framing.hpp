// What stands between the pieces of a chunked body. In: its bytes, one at a time. Out: where data is, and how much.
#pragma once

#include <cstdint>

namespace fanlight::load {

/// Sixteen bytes. A chunk size of more than ten digits, a bare LF behind it, trailer lines of more than 8 KiB or a
/// hundred of them are errors. Threads: one at a time. Source: RFC 9112, section 7.1.
class ChunkFraming {
 public:
  /// Takes a byte of the framing; not while `in_data`.
  void take(char c) { phase_ = after(c); }
  /// The next `left` bytes are the body's.
  bool in_data() const { return phase_ == Phase::data; }
  std::uint64_t left() const { return left_; }
  /// So many of them were passed on, `left` at most.
  void pass(std::uint64_t bytes) {
    left_ -= bytes;
    if (left_ == 0) phase_ = Phase::data_end;
  }
  bool failed() const { return phase_ == Phase::failed; }
  /// The last chunk and its trailer have come.
  bool finished() const { return phase_ == Phase::finished; }

 private:
  enum class Phase : std::uint8_t { size, extension, size_end, data, data_end, data_end_lf, trailer, finished, failed };
  Phase after(char c);

  std::uint64_t left_ = 0;   // bytes of the chunk
  std::uint8_t digits_ = 0;  // of the chunk size; lines of the trailer
  std::uint16_t line_ = 0;   // bytes of the trailer's line
  Phase phase_ = Phase::size;
};

}  // namespace fanlight::load
