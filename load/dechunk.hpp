// Chunked bodies without their framing, in place. In: bytes as they were received, cut anywhere. Out: the body's.
#pragma once

#include <cstddef>
#include <span>

#include "load/chunk_framing.hpp"

namespace fanlight::load {

/// Threads: one at a time. Cost: a memmove of the bytes.
class Dechunker {
 public:
  /// Moves the body's bytes to the front. Returns how many; what `failed` and `finished` say holds from there on.
  std::size_t take(std::span<char> bytes);
  bool failed() const { return framing_.failed(); }
  /// The last chunk has come; bytes behind it are passed over.
  bool finished() const { return framing_.finished(); }

 private:
  ChunkFraming framing_;
};

}  // namespace fanlight::load
