#include "ui/canvas/colour.hpp"

#include <string>

namespace fanlight::ui {
namespace {

/// Source: FNV-1a, 32 bits. Not std::hash, whose values are nobody's promise and would change golden pictures.
std::uint32_t hash(std::string_view text) {
  std::uint32_t value = 2166136261u;
  for (const char byte : text) value = (value ^ static_cast<unsigned char>(byte)) * 16777619u;
  return value;
}

Colour module_colour(std::string_view module) {
  const std::size_t slash = module.rfind('/');
  const std::string_view file = slash == std::string_view::npos ? module : module.substr(slash + 1);
  if (file.starts_with("libc.") || file.starts_with("libc-") || file.starts_with("ld-linux") ||
      file.starts_with("libpthread") || file.starts_with("libm."))
    return rgb(0x5fb0a8);
  if (file.starts_with("libstdc++") || file.starts_with("libgcc_s")) return rgb(0x86b86a);
  if (file.find(".so") != std::string_view::npos) {
    constexpr Colour kLibraries[] = {rgb(0xb9a2e0), rgb(0xd99ac5), rgb(0x9fb8e8), rgb(0xc9b37a)};
    return kLibraries[hash(file) % 4];
  }
  return rgb(0xeba14f);  // the program itself
}

Colour marker_colour(std::string_view name) {
  for (std::size_t i = 0; i < kReasons; ++i) {
    const auto reason = static_cast<Reason>(i);
    const std::string_view word = name_of(reason);
    const std::string_view state = name_of(state_of(reason));
    if (name == word) return colour_of(reason);
    if (name.size() == state.size() + 2 + word.size() && name.starts_with(state) && name.ends_with(word))
      return colour_of(reason);
  }
  if (name.starts_with('[')) return rgb(0x59636f);  // [unsampled]
  return rgb(0x4a5a6e);                             // a thread
}

constexpr Colour dark_reason(Reason reason) {
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
    case Reason::other: break;
  }
  return rgb(0x8b98a8);
}

constexpr Colour safe_reason(Reason reason) {
  switch (reason) {
    case Reason::running: return rgb(0x009e73);
    case Reason::runnable_waking:
    case Reason::runnable_queued:
    case Reason::runnable_preempted:
    case Reason::runnable_throttled: return rgb(0xf0e442);
    case Reason::futex: return rgb(0xcc79a7);
    case Reason::mmap_lock:
    case Reason::page_fault:
    case Reason::disk: return rgb(0xd55e00);
    case Reason::socket_send:
    case Reason::socket_receive: return rgb(0x0072b2);
    case Reason::pipe: return rgb(0x56b4e9);
    default: return dark_reason(reason);
  }
}

Palette light_palette() {
  Palette p;
  p.background = rgb(0xe6eaef), p.panel = rgb(0xffffff), p.head = rgb(0xf3f5f8), p.raised = rgb(0xe3e8ee);
  p.hover = rgb(0xd3dbe4), p.line = rgb(0xccd4dd), p.grid = rgb(0xe9edf1);
  p.text = rgb(0x1b232d), p.muted = rgb(0x55616f), p.faint = rgb(0x7d8998);
  p.accent = rgb(0xc77a00), p.good = rgb(0x1f8a55), p.bad = rgb(0xc9302c), p.match = rgb(0xb23bd0);
  p.series_a = rgb(0x1f77b4), p.series_b = rgb(0xc77a00), p.series_c = rgb(0x1f8a55);
  p.light = true;
  return p;
}

Palette contrast_palette() {
  Palette p;
  p.background = rgb(0x000000), p.panel = rgb(0x000000), p.head = rgb(0x1a1a1a), p.raised = rgb(0x2b2b2b);
  p.hover = rgb(0x4a4a4a), p.line = rgb(0x8a8a8a), p.grid = rgb(0x3a3a3a);
  p.text = rgb(0xffffff), p.muted = rgb(0xd8d8d8), p.faint = rgb(0xb4b4b4);
  p.accent = rgb(0xffd23f), p.good = rgb(0x4ef08f), p.bad = rgb(0xff6b5e), p.match = rgb(0xff8cff);
  p.series_a = rgb(0x6cc3ff), p.series_b = rgb(0xffd23f), p.series_c = rgb(0x4ef08f);
  return p;
}

}  // namespace

std::string_view name_of(Theme theme) {
  constexpr std::array<std::string_view, 3> kNames{"dark", "light", "high contrast"};
  return kNames[static_cast<std::size_t>(theme)];
}

const Palette& palette() {
  // Before anybody chose: the dark one.
  if (detail::in_use.reasons[0] == Colour{}) use_palette(Theme::dark, false);
  return detail::in_use;
}

void use_palette(Theme theme, bool colour_blind) {
  Palette& chosen = detail::in_use;
  chosen = theme == Theme::light ? light_palette() : theme == Theme::contrast ? contrast_palette() : Palette{};
  for (std::size_t i = 0; i < kReasons; ++i) {
    const auto reason = static_cast<Reason>(i);
    Colour colour = colour_blind ? safe_reason(reason) : dark_reason(reason);
    // Idle waiting is close to the ground, whichever that is.
    if (is_idle(reason)) colour = chosen.light ? mix(colour, rgb(0xffffff), 0.72f) : colour;
    chosen.reasons[i] = colour;
  }
  if (colour_blind) chosen.kernel = rgb(0x56b4e9);
  chosen.patterns = colour_blind;
}

Pattern pattern_of(Reason reason) {
  if (state_of(reason) == State::running || is_idle(reason)) return Pattern::none;
  if (state_of(reason) == State::runnable) return Pattern::rising;
  return reason == Reason::futex || reason == Reason::mmap_lock ? Pattern::bars : Pattern::dots;
}

Colour name_colour(std::string_view name) {
  constexpr Colour kHues[] = {rgb(0x5aa9e6), rgb(0xf2b84b), rgb(0x58b883), rgb(0xd65d8c), rgb(0xb07be0),
                              rgb(0x4fb6c9), rgb(0xd8854f), rgb(0x9fb84b), rgb(0x7c88e8), rgb(0xe9a3a3)};
  const std::uint32_t value = hash(name);
  return mix(kHues[value % 10], kPanel, static_cast<float>(value / 10 % 5) * 0.07f);
}

Colour heat_colour(double share) {
  const auto at = static_cast<float>(share < 0 ? 0 : share > 1 ? 1 : share);
  const Palette& p = palette();
  if (p.light)
    return at < 0.5f ? mix(rgb(0xfdf3dc), rgb(0xe8862e), at * 2) : mix(rgb(0xe8862e), rgb(0x7a1f1f), at * 2 - 1);
  return at < 0.5f ? mix(rgb(0x25334a), rgb(0xd9822b), at * 2) : mix(rgb(0xd9822b), rgb(0xfff2c4), at * 2 - 1);
}

Colour change_colour(double share) {
  const auto most = static_cast<float>(share < -1 ? 1 : share > 1 ? 1 : share < 0 ? -share : share);
  const Colour none = palette().light ? rgb(0xd5dbe2) : rgb(0x56616f);
  return mix(none, share < 0 ? rgb(0x4d94ff) : rgb(0xf0524a), 0.15f + 0.85f * most);
}

Colour flame_colour(profile::FrameOrigin origin, std::string_view module, std::string_view name) {
  if (origin == profile::FrameOrigin::marker) return marker_colour(name);
  const Colour base = origin == profile::FrameOrigin::kernel ? palette().kernel : module_colour(module);
  const float jitter = static_cast<float>(hash(name) % 1000) / 1000.0f;
  return jitter < 0.5f ? mix(base, kPanel, (0.5f - jitter) * 0.36f) : mix(base, rgb(0xffffff), (jitter - 0.5f) * 0.36f);
}

}  // namespace fanlight::ui
