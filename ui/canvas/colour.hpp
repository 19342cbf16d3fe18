// The palette: every colour that the dashboard uses, by meaning. In: a state, a frame. Out: a colour.
#pragma once

#include <array>
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

/// Every colour that is not data. One is in use at a time, for the whole window.
struct Palette {
  Colour background = rgb(0x0f1318), panel = rgb(0x171d25), head = rgb(0x1c232d), raised = rgb(0x242d39);
  Colour hover = rgb(0x2f3b4a), line = rgb(0x2a3440), grid = rgb(0x222b36);
  Colour text = rgb(0xdfe6ee), muted = rgb(0x8b98a8), faint = rgb(0x66748a);
  Colour ink = rgb(0x12161b);    // on bright boxes
  Colour paper = rgb(0xf4f7fa);  // on dark boxes
  Colour accent = rgb(0xf2b84b), good = rgb(0x58b883), bad = rgb(0xef5f57), match = rgb(0xd77bf0);
  Colour series_a = rgb(0x5aa9e6), series_b = rgb(0xf2b84b), series_c = rgb(0x58b883);
  std::array<Colour, kReasons> reasons{};
  Colour kernel = rgb(0x6f9fd8);  // running in the kernel
  bool light = false;
  bool patterns = false;  // states differ by pattern as well as by colour
};

enum class Theme : std::uint8_t { dark, light, contrast };
inline constexpr std::array<Theme, 3> kThemes{Theme::dark, Theme::light, Theme::contrast};
/// "dark", "light", "high contrast".
std::string_view name_of(Theme theme);

/// The palette in use. Threads: the drawing thread; it changes between frames only.
const Palette& palette();
/// `colour_blind`: states in hues that remain apart for the common kinds of colour blindness, and in patterns. Source
/// of the hues: Okabe and Ito, "Color Universal Design", 2008.
void use_palette(Theme theme, bool colour_blind);

namespace detail {
inline Palette in_use;
}
inline const Colour& kBackground = detail::in_use.background;
inline const Colour& kPanel = detail::in_use.panel;
inline const Colour& kPanelHead = detail::in_use.head;
inline const Colour& kRaised = detail::in_use.raised;
inline const Colour& kHover = detail::in_use.hover;
inline const Colour& kLine = detail::in_use.line;
inline const Colour& kGrid = detail::in_use.grid;
inline const Colour& kText = detail::in_use.text;
inline const Colour& kMuted = detail::in_use.muted;
inline const Colour& kFaint = detail::in_use.faint;
inline const Colour& kAccent = detail::in_use.accent;
inline const Colour& kGood = detail::in_use.good;
inline const Colour& kBad = detail::in_use.bad;
inline const Colour& kMatch = detail::in_use.match;
inline const Colour& kSeriesA = detail::in_use.series_a;
inline const Colour& kSeriesB = detail::in_use.series_b;
inline const Colour& kSeriesC = detail::in_use.series_c;

/// The runnable reasons share one colour; idle waiting is muted, so that it is never mistaken for trouble. Red is
/// for losses and failures alone.
inline Colour colour_of(Reason reason) { return palette().reasons[static_cast<std::size_t>(reason)]; }

/// What tells states apart without colour.
enum class Pattern : std::uint8_t { none, rising, dots, bars };
Pattern pattern_of(Reason reason);

/// A box of the flame graph: hue by where the code lives, lightness by name, so that neighbours can be told apart.
/// Markers that name a state have that state's colour. The same input always gives the same colour.
Colour flame_colour(profile::FrameOrigin origin, std::string_view module, std::string_view name);

/// A colour of its own for each of many, the same for the same words.
Colour name_colour(std::string_view name);

/// From nothing to most, `share` 0 to 1: one hue, lightness rising evenly, dark at 0 on dark ground and light on light.
Colour heat_colour(double share);

/// Red where it grew, blue where it shrank, `share` -1 to 1.
Colour change_colour(double share);

/// Dark ink on bright boxes, light text on dark ones.
inline Colour text_on(Colour box) { return box.r * 3 + box.g * 6 + box.b > 1250 ? palette().ink : palette().paper; }

}  // namespace fanlight::ui
