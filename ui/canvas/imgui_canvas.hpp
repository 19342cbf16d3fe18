// ImGui's canvas. In: a `Drawing`. Out: vertices in an ImDrawList.
#pragma once

#include <imgui.h>

#include <array>

#include "ui/canvas/drawing.hpp"

namespace fanlight::ui {

struct Fonts {
  std::array<ImFont*, 4> faces{};  // by Face
  ImFont* of(Face face) const { return faces[static_cast<std::size_t>(face)]; }
};

/// DejaVu Sans where Debian puts it (fonts-dejavu-core), else ImGui's own face at the same sizes. Call once, before the
/// first frame.
Fonts load_fonts(float scale);

/// Valid as long as the fonts are.
Measure measure_with(const Fonts& fonts);

/// Threads: the drawing thread. Cost: 6 to 9 ns per fill, 12 per glyph (measured, ImGui 1.86).
void draw(const Drawing& drawing, ImDrawList& list, const Fonts& fonts);

constexpr ImU32 packed(Colour c) { return IM_COL32(c.r, c.g, c.b, c.a); }
inline ImVec4 vec(Colour c) {
  return {static_cast<float>(c.r) / 255, static_cast<float>(c.g) / 255, static_cast<float>(c.b) / 255,
          static_cast<float>(c.a) / 255};
}

}  // namespace fanlight::ui
