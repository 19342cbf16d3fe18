// Chunked bodies without their framing, in place. In: bytes as they were received, cut anywhere. Out: the body's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace fanlight::load {

/// Sixteen bytes of state per stream. Threads: one at a time. Cost: a memmove of the bytes.
/// Source: RFC 9112, section 7.1.
class Dechunker {
 public:
  /// Moves the body's bytes to the front. Returns how many; what `failed` and `finished` say holds from there on.
  std::size_t take(std::span<char> bytes);
  bool failed() const { return phase_ == Phase::failed; }
  /// The last chunk has come; bytes behind it are passed over.
  bool finished() const { return phase_ == Phase::finished; }

 private:
  enum class Phase : std::uint8_t { size, extension, size_end, data, data_end, data_end_lf, trailer, finished, failed };
  Phase framing_byte(char c);

  std::uint64_t left_ = 0;   // bytes of the chunk
  std::uint8_t digits_ = 0;  // of the chunk size
  std::uint16_t line_ = 0;   // bytes of the trailer's line
  Phase phase_ = Phase::size;
};

}  // namespace fanlight::load
