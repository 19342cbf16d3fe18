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

}  // namespace

Colour flame_colour(profile::FrameOrigin origin, std::string_view module, std::string_view name) {
  if (origin == profile::FrameOrigin::marker) return marker_colour(name);
  const Colour base = origin == profile::FrameOrigin::kernel ? rgb(0x6f9fd8) : module_colour(module);
  const float jitter = static_cast<float>(hash(name) % 1000) / 1000.0f;
  return jitter < 0.5f ? mix(base, kPanel, (0.5f - jitter) * 0.36f) : mix(base, rgb(0xffffff), (jitter - 0.5f) * 0.36f);
}

}  // namespace fanlight::ui
