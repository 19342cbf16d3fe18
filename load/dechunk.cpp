#include "load/dechunk.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace fanlight::load {

std::size_t Dechunker::take(std::span<char> bytes) {
  std::size_t kept = 0;
  for (std::size_t at = 0; at < bytes.size() && !failed() && !finished();) {
    if (!framing_.in_data()) {
      framing_.take(bytes[at++]);
      continue;
    }
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(framing_.left(), bytes.size() - at));
    if (kept != at) std::memmove(bytes.data() + kept, bytes.data() + at, count);
    kept += count;
    at += count;
    framing_.pass(count);
  }
  return kept;
}

}  // namespace fanlight::load
