// What a test message says. In: who published it, its number, when it was due. Out: exactly so many bytes of text, and
// back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace fanlight::load {

struct Payload {
  std::uint32_t run = 0;       // tells the messages of this run from whatever else the topic carries
  std::uint8_t publisher = 0;  // connection that published it
  std::uint32_t sequence = 0;  // counted per publisher, from 0
  std::uint32_t number = 0;    // counted over all publishers, from 0
  std::uint64_t due_ns = 0;    // CLOCK_MONOTONIC: when the schedule wanted it sent; below 2^56

  bool operator==(const Payload&) const = default;
};

/// "fl2 RRRRRRRR PP SSSSSSSS NNNNNNNN TTTTTTTTTTTTTT", hexadecimal; dots fill the rest. Text without line ends, so that
/// SSE and WebSocket carry the same bytes.
inline constexpr std::size_t kMinPayload = 48;

/// Fills all of `out`, which holds at least kMinPayload bytes.
void encode(const Payload& payload, std::span<char> out);

/// Empty when this is not a test message. Does not look at the padding. Cost: tens of ns.
std::optional<Payload> decode(std::string_view text);

/// What follows the fields came as it was sent. `text` holds kMinPayload bytes at least. Cost: as comparing them.
bool padding_is_whole(std::string_view text);

}  // namespace fanlight::load
