// The drawing interface: a panel's data as plain values. In: fills and labels. Out: ImGui's draw list or a log for
// tests.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ui/canvas/colour.hpp"

namespace fanlight::ui {

/// Pixels, y downwards.
struct Rect {
  float x = 0, y = 0, w = 0, h = 0;
  bool contains(float px, float py) const { return px >= x && px < x + w && py >= y && py < y + h; }
  bool operator==(const Rect&) const = default;
};

enum class Face : std::uint8_t { regular, small, bold, large };

/// Height of a line in pixels at scale 1.
constexpr float face_size(Face face) {
  switch (face) {
    case Face::small: return 13;
    case Face::large: return 22;
    case Face::regular:
    case Face::bold: break;
  }
  return 15;
}

/// Width in pixels of a text in a face. ImGui's in the program, a fixed advance in tests.
using Measure = std::function<float(std::string_view text, Face face)>;

/// What a painter needs to know of the screen.
struct Pen {
  float scale = 1;
  Measure measure;
  float height(Face face) const { return face_size(face) * scale; }
  float px(float at_scale_one) const { return at_scale_one * scale; }
};

struct Fill {
  Rect rect;
  Colour colour;
};

/// (x, y) is the text's upper left corner.
struct Label {
  float x = 0, y = 0;
  Face face = Face::regular;
  Colour colour;
  std::uint32_t at = 0;  // into Drawing::text
  std::uint32_t size = 0;
};

/// Fills in order, then labels in order: two layers are all that the panels need, and they batch best.
/// Data are filled rectangles only: outlines and round corners cost 5 to 12 times as much (measured, ImGui 1.86).
class Drawing {
 public:
  void fill(Rect rect, Colour colour) {
    if (rect.w > 0 && rect.h > 0) fills_.push_back({rect, colour});
  }
  /// The same, told apart by stripes where the palette asks for patterns and there is room for them.
  void fill_state(Rect rect, Reason reason);
  void label(float x, float y, Face face, Colour colour, std::string_view text) {
    labels_.push_back(
        {x, y, face, colour, static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(text.size())});
    text_ += text;
  }
  void clear() {
    fills_.clear();
    labels_.clear();
    text_.clear();
  }

  const std::vector<Fill>& fills() const { return fills_; }
  const std::vector<Label>& labels() const { return labels_; }
  std::string_view text_of(const Label& label) const { return std::string_view(text_).substr(label.at, label.size); }

 private:
  std::vector<Fill> fills_;
  std::vector<Label> labels_;
  std::string text_;
};

/// The longest beginning of `text` that fits, with an ellipsis where something was cut; empty when not even three
/// characters fit. Never cuts within a UTF-8 character. Cost: O(log size) measurements.
std::string fit(std::string_view text, float width, Face face, const Measure& measure);

/// The recording canvas: one line per command, coordinates with one decimal. For golden files.
std::string draw_log(const Drawing& drawing);

}  // namespace fanlight::ui
