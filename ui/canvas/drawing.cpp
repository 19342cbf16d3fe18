#include "ui/canvas/drawing.hpp"

#include <algorithm>
#include <cstdio>

namespace fanlight::ui {
namespace {

constexpr std::string_view kEllipsis = "\u2026";

bool begins_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

std::size_t character_start(std::string_view text, std::size_t at) {
  while (at > 0 && at < text.size() && !begins_character(text[at])) --at;
  return at;
}

std::string hex(Colour colour) {
  char text[16];
  std::snprintf(text, sizeof text, "#%02x%02x%02x%02x", colour.r, colour.g, colour.b, colour.a);
  return text;
}

}  // namespace

void Drawing::fill_state(Rect rect, Reason reason) {
  const Colour colour = colour_of(reason);
  fill(rect, colour);
  const Pattern pattern = palette().patterns ? pattern_of(reason) : Pattern::none;
  // Beyond this a frame would be stripes only, and cost more than the data.
  constexpr float kSmallest = 5, kMostStripes = 40;
  if (pattern == Pattern::none || rect.w < kSmallest || rect.h < kSmallest) return;
  const Colour stripe = with_alpha(palette().ink, 110);
  const float step = std::max(6.0f, rect.w / kMostStripes);
  for (float x = 2; x + 2 <= rect.w; x += step) {
    switch (pattern) {
      case Pattern::bars: fill({rect.x + x, rect.y, 1.5f, rect.h}, stripe); break;
      case Pattern::dots: fill({rect.x + x, rect.y + rect.h / 2 - 1, 2, 2}, stripe); break;
      case Pattern::rising:
        fill({rect.x + x, rect.y + rect.h / 2, 2, rect.h / 2}, stripe);
        fill({rect.x + x + 2, rect.y, 2, rect.h / 2}, stripe);
        break;
      case Pattern::none: break;
    }
  }
}

std::string fit(std::string_view text, float width, Face face, const Measure& measure) {
  // A label longer than this cannot fit any screen; measuring it whole would cost per frame.
  constexpr std::size_t kLongest = 400;
  if (text.size() > kLongest) text = text.substr(0, character_start(text, kLongest));
  if (measure(text, face) <= width) return std::string(text);
  const float room = width - measure(kEllipsis, face);
  std::size_t fits = 0, too_long = text.size();
  while (fits + 1 < too_long) {
    const std::size_t middle = (fits + too_long) / 2;
    if (measure(text.substr(0, character_start(text, middle)), face) <= room)
      fits = middle;
    else
      too_long = middle;
  }
  fits = character_start(text, fits);
  if (fits < 3) return {};
  return std::string(text.substr(0, fits)).append(kEllipsis);
}

std::string draw_log(const Drawing& drawing) {
  constexpr const char* kFaces[] = {"regular", "small", "bold", "large"};
  std::string log;
  char line[128];
  for (const Fill& fill : drawing.fills()) {
    std::snprintf(line, sizeof line, "fill %.1f %.1f %.1f %.1f ", fill.rect.x, fill.rect.y, fill.rect.w, fill.rect.h);
    log.append(line).append(hex(fill.colour)).append("\n");
  }
  for (const Label& label : drawing.labels()) {
    std::snprintf(line, sizeof line, "text %.1f %.1f %s ", label.x, label.y, kFaces[static_cast<int>(label.face)]);
    log.append(line).append(hex(label.colour)).append(" ").append(drawing.text_of(label)).append("\n");
  }
  return log;
}

}  // namespace fanlight::ui
