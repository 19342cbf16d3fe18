// Which stretch of time is looked at. In: a person's choice. Out: the two ends that a source is asked for.
#pragma once

#include <cstdint>
#include <utility>

namespace fanlight::ui {

struct Range {
  enum class Kind : std::uint8_t { last, all, fixed } kind = Kind::last;
  std::uint64_t last_ns = 10'000'000'000;  // Kind::last: this much before the newest data
  std::uint64_t from_ns = 0;               // Kind::fixed: CLOCK_MONOTONIC of the watched machine
  std::uint64_t to_ns = 0;
  bool operator==(const Range&) const = default;
};

/// What a source is asked for.
struct Question {
  Range range;
  bool before = false;  // the stretch before it, of the same length, too: to compare with
  bool operator==(const Question&) const = default;
};

/// The stretch before [from_ns, to_ns), of the same length, [from, to) for a source. A slice that merely touches it is
/// merged whole, so its end is moved in.
inline std::pair<std::uint64_t, std::uint64_t> ends_before(std::uint64_t from_ns, std::uint64_t to_ns) {
  constexpr std::uint64_t kTouch = 1'000'000;
  const std::uint64_t length = to_ns > from_ns ? to_ns - from_ns : 0;
  return {from_ns > length ? from_ns - length + kTouch : 0, from_ns};
}

/// [from, to) for a source whose newest data end at `newest_ns`.
inline std::pair<std::uint64_t, std::uint64_t> ends_of(const Range& range, std::uint64_t newest_ns) {
  constexpr std::uint64_t kEver = ~std::uint64_t{0};
  switch (range.kind) {
    case Range::Kind::all: return {0, kEver};
    case Range::Kind::fixed: return {range.from_ns, range.to_ns};
    case Range::Kind::last: break;
  }
  // A slice that merely touches the range is merged whole, so the edge is moved in by less than any slice's length.
  constexpr std::uint64_t kTouch = 1'000'000;
  return {newest_ns > range.last_ns ? newest_ns - range.last_ns + kTouch : 0, kEver};
}

}  // namespace fanlight::ui
