// The palette: every colour that the dashboard uses, by meaning. In: a state, a frame. Out: a colour.
#pragma once

#include <cstdint>
#include <string_view>

#include "collector/profile/profile.hpp"
#include "core/state.hpp"

namespace fanlight::ui {

/// 8 bits each. Not tied to any drawing library.
struct Colour {
  std::uint8_t r = 0, g = 0, b = 0, a = 255;
  bool operator==(const Colour&) const = default;
};

constexpr Colour rgb(std::uint32_t hex) {
  return {static_cast<std::uint8_t>(hex >> 16), static_cast<std::uint8_t>(hex >> 8), static_cast<std::uint8_t>(hex),
          255};
}
constexpr Colour with_alpha(Colour colour, std::uint8_t alpha) { return {colour.r, colour.g, colour.b, alpha}; }

/// `share` 0 gives `a`, 1 gives `b`.
constexpr Colour mix(Colour a, Colour b, float share) {
  const auto part = [share](std::uint8_t from, std::uint8_t to) {
    return static_cast<std::uint8_t>(static_cast<float>(from) + (static_cast<float>(to) - from) * share + 0.5f);
  };
  return {part(a.r, b.r), part(a.g, b.g), part(a.b, b.b), part(a.a, b.a)};
}

inline constexpr Colour kBackground = rgb(0x0f1318);
inline constexpr Colour kPanel = rgb(0x171d25);
inline constexpr Colour kPanelHead = rgb(0x1c232d);
inline constexpr Colour kRaised = rgb(0x242d39);
inline constexpr Colour kHover = rgb(0x2f3b4a);
inline constexpr Colour kLine = rgb(0x2a3440);
inline constexpr Colour kGrid = rgb(0x222b36);
inline constexpr Colour kText = rgb(0xdfe6ee);
inline constexpr Colour kMuted = rgb(0x8b98a8);
inline constexpr Colour kFaint = rgb(0x5b6878);
inline constexpr Colour kInk = rgb(0x12161b);  // text on bright boxes
inline constexpr Colour kAccent = rgb(0xf2b84b);
inline constexpr Colour kGood = rgb(0x58b883);
inline constexpr Colour kBad = rgb(0xef5f57);
inline constexpr Colour kMatch = rgb(0xd77bf0);
inline constexpr Colour kSeriesA = rgb(0x5aa9e6);
inline constexpr Colour kSeriesB = rgb(0xf2b84b);
inline constexpr Colour kSeriesC = rgb(0x58b883);

/// The runnable reasons share one colour; idle waiting is muted, so that it is never mistaken for trouble. Red is
/// for losses alone.
constexpr Colour colour_of(Reason reason) {
  switch (reason) {
    case Reason::running: return rgb(0x58b883);
    case Reason::runnable_waking:
    case Reason::runnable_queued:
    case Reason::runnable_preempted:
    case Reason::runnable_throttled: return rgb(0xf2b84b);
    case Reason::futex: return rgb(0xd65d8c);
    case Reason::poll: return rgb(0x364252);
    case Reason::socket_send: return rgb(0xb07be0);
    case Reason::socket_receive: return rgb(0x7c88e8);
    case Reason::pipe: return rgb(0x4fb6c9);
    case Reason::sleep: return rgb(0x4f7195);
    case Reason::disk: return rgb(0xb98252);
    case Reason::page_fault: return rgb(0xe9a3a3);
    case Reason::mmap_lock: return rgb(0xd8854f);
    case Reason::event: return rgb(0x44536a);
    case Reason::condition: return rgb(0x3d4c63);
    case Reason::io_uring: return rgb(0x3a4a5c);
    case Reason::other: return rgb(0x8b98a8);
  }
  return rgb(0x8b98a8);
}

/// A box of the flame graph: hue by where the code lives, lightness by name, so that neighbours can be told apart.
/// Markers that name a state have that state's colour. The same input always gives the same colour.
Colour flame_colour(profile::FrameOrigin origin, std::string_view module, std::string_view name);

/// Dark ink on bright boxes, light text on dark ones.
constexpr Colour text_on(Colour box) { return box.r * 3 + box.g * 6 + box.b > 1250 ? kInk : kText; }

}  // namespace fanlight::ui
