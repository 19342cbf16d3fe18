// What a slow client is. In: a connection. Out: whether its queue drains. No libbpf here.
#pragma once

#include <cstdint>

#include "collector/kernel/reading.hpp"

namespace fanlight::kernel {

/// A queue that does not drain: something is queued, and nothing of it has been acknowledged for this long.
inline constexpr std::uint64_t kSlowAfterNs = 200'000'000;

inline bool is_slow(const ConnectionReading& connection) {
  return connection.queued_bytes > 0 && connection.stalled_ns >= kSlowAfterNs;
}

}  // namespace fanlight::kernel
