#include "ui/canvas/imgui_canvas.hpp"

#include <algorithm>
#include <filesystem>

namespace fanlight::ui {
namespace {

// Latin, Greek, Cyrillic and what our own words need: thread names and functions are whatever a program chose.
constexpr ImWchar kGlyphs[] = {0x0020, 0x024F, 0x0370, 0x03FF, 0x0400, 0x04FF, 0x2010, 0x2027,
                               0x2030, 0x203A, 0x2190, 0x21FF, 0x25A0, 0x25FF, 0};

ImFont* load(const char* file, float size) {
  ImFontAtlas& atlas = *ImGui::GetIO().Fonts;
  std::error_code unreadable;
  if (std::filesystem::exists(file, unreadable)) return atlas.AddFontFromFileTTF(file, size, nullptr, kGlyphs);
  ImFontConfig config;
  config.SizePixels = size;
  return atlas.AddFontDefault(&config);
}

}  // namespace

Fonts load_fonts(float scale) {
  constexpr const char* kRegular = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";
  constexpr const char* kBold = "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf";
  Fonts fonts;
  for (const Face face : {Face::regular, Face::small, Face::bold, Face::large}) {
    const bool bold = face == Face::bold || face == Face::large;
    fonts.faces[static_cast<std::size_t>(face)] = load(bold ? kBold : kRegular, face_size(face) * scale);
  }
  return fonts;
}

Measure measure_with(const Fonts& fonts) {
  return [fonts](std::string_view text, Face face) {
    const ImFont* font = fonts.of(face);
    return font->CalcTextSizeA(font->FontSize, FLT_MAX, 0, text.data(), text.data() + text.size()).x;
  };
}

void draw(const Drawing& drawing, ImDrawList& list, const Fonts& fonts) {
  // Indices have 16 bits, so one reservation must stay below 65,536 vertices; ImGui starts a new vertex offset then.
  constexpr std::size_t kChunk = 16'000;
  const auto& fills = drawing.fills();
  for (std::size_t begin = 0; begin < fills.size(); begin += kChunk) {
    const std::size_t end = std::min(fills.size(), begin + kChunk);
    const int count = static_cast<int>(end - begin);
    list.PrimReserve(count * 6, count * 4);
    for (std::size_t i = begin; i < end; ++i) {
      const Rect& rect = fills[i].rect;
      list.PrimRect({rect.x, rect.y}, {rect.x + rect.w, rect.y + rect.h}, packed(fills[i].colour));
    }
  }
  for (const Label& label : drawing.labels()) {
    const ImFont* font = fonts.of(label.face);
    const std::string_view text = drawing.text_of(label);
    list.AddText(font, font->FontSize, {label.x, label.y}, packed(label.colour), text.data(),
                 text.data() + text.size());
  }
}

}  // namespace fanlight::ui
