#include "collector/formats/svg.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "collector/formats/flame.hpp"
#include "collector/formats/svg_script.hpp"
#include "collector/formats/text.hpp"
#include "core/units.hpp"

namespace fanlight::formats {
namespace {

constexpr double kMargin = 10;
constexpr double kRow = 18;
constexpr double kHead = 74;
constexpr double kFoot = 30;
constexpr double kLetter = 7.25;  // width of a letter of the 12 px monospaced face

std::string escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&quot;"; break;
      case '\'': escaped += "&#39;"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

std::string number(double value, int decimals = 2) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  std::string_view digits = text.data();
  if (decimals > 0) {
    while (digits.ends_with('0')) digits.remove_suffix(1);
    if (digits.ends_with('.')) digits.remove_suffix(1);
  }
  return std::string(digits);
}

std::string amount(const profile::WeightedStacks& stacks, std::uint64_t weight) {
  const auto value = static_cast<double>(weight);
  return stacks.unit == "bytes" ? format_bytes(value) : format_ns(value);
}

/// The same name, the same number, in every build. Source: FNV-1a, 64 bits.
std::uint64_t hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

/// Source: CSS Color 4, "HSL to sRGB".
std::string hsl(double hue, double saturation, double lightness) {
  const auto channel = [&](double n) {
    const double k = std::fmod(n + hue / 30, 12);
    const double a = saturation * std::min(lightness, 1 - lightness);
    return static_cast<unsigned>(std::lround(255 * (lightness - a * std::clamp(std::min(k - 3, 9 - k), -1.0, 1.0))));
  };
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "#%02x%02x%02x", channel(0), channel(8), channel(4));
  return text.data();
}

/// One hue a module, one shade a function; light enough for dark letters.
std::string colour(const FlameBox& box) {
  const double shade = 0.70 + static_cast<double>(hash(box.name) % 11) / 100;
  if (box.frame == nullptr) return hsl(0, 0, 0.86);
  if (box.frame->origin == profile::FrameOrigin::marker) {
    if (box.name == "running") return hsl(140, 0.35, 0.76);
    if (box.name.starts_with("runnable")) return hsl(48, 0.75, 0.74);
    return hsl(215, 0.20, shade + 0.06);
  }
  if (box.frame->origin == profile::FrameOrigin::kernel) return hsl(28, 0.85, shade);
  // The hues beside orange are the kernel's.
  return hsl(static_cast<double>(60 + hash(box.frame->module) % 290), 0.55, shade);
}

std::string fitted(const std::string& name, double room) {
  const auto letters = static_cast<std::size_t>(std::max(0.0, (room - 6) / kLetter));
  if (letters < 3) return {};
  std::size_t length = 0;
  std::size_t cut = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if ((static_cast<unsigned char>(name[i]) & 0xc0) == 0x80) continue;
    if (length == letters - 2) cut = i;
    ++length;
  }
  return length <= letters ? name : name.substr(0, cut) + "..";
}

std::string box_markup(const profile::WeightedStacks& stacks, const FlameBox& box, double whole, double room,
                       double bottom) {
  const double share = static_cast<double>(box.weight) / whole;
  const double x = kMargin + static_cast<double>(box.start) / whole * room;
  const double y = bottom - static_cast<double>(box.depth + 1) * kRow;
  std::string name = box.name;
  if (box.frame != nullptr && box.frame->origin == profile::FrameOrigin::kernel) name += " [kernel]";
  std::string title =
      name + "\n" + amount(stacks, box.weight) + ", " + format_share(static_cast<double>(box.weight), whole);
  if (box.count > 0) title += ", " + std::to_string(box.count) + (box.count == 1 ? " sample" : " samples");
  if (box.frame != nullptr && !box.frame->module.empty()) title += ", " + clean(box.frame->module);
  return "<g class=\"box\" data-x=\"" + number(static_cast<double>(box.start) / whole, 12) + "\" data-w=\"" +
         number(share, 12) + "\" data-d=\"" + std::to_string(box.depth) + "\"><title>" + escape(title) +
         "</title><rect x=\"" + number(x) + "\" y=\"" + number(y) + "\" width=\"" + number(share * room) +
         "\" height=\"" + number(kRow - 1) + "\" rx=\"1.5\" fill=\"" + colour(box) + "\"/><text x=\"" + number(x + 3) +
         "\" y=\"" + number(y + 12.5) + "\">" + escape(fitted(name, share * room)) + "</text></g>\n";
}

std::string subtitle(const profile::WeightedStacks& stacks, const Flame& picture) {
  std::string text = amount(stacks, stacks.total()) + " in " + std::to_string(stacks.stacks.size()) + " stacks over " +
                     format_ns(static_cast<double>(stacks.to_ns - stacks.from_ns));
  if (picture.hidden > 0) {
    text += "; left out as too narrow or too deep: " + std::to_string(picture.hidden) +
            (picture.hidden == 1 ? " frame (" : " frames (") +
            format_share(static_cast<double>(picture.hidden_weight), static_cast<double>(stacks.total())) + ")";
  }
  return text;
}

std::string label(double x, double y, const char* attributes, const std::string& text) {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" " + attributes + ">" + escape(text) + "</text>\n";
}

}  // namespace

std::string svg(const profile::WeightedStacks& stacks, const SvgOptions& options) {
  const Flame picture = flame(stacks, options.min_share);
  const auto whole = static_cast<double>(stacks.total());
  const double width = std::max(options.width, 400u);
  const double room = width - 2 * kMargin;
  const bool empty = stacks.total() == 0;
  const double bottom = kHead + static_cast<double>(empty ? 1 : picture.depth + 1) * kRow;
  const double height = bottom + kFoot;
  const std::string title =
      options.title.empty() ? clean(stacks.name) + ", " + format_ns(static_cast<double>(stacks.to_ns - stacks.from_ns))
                            : clean(options.title);

  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" +
                    number(width) + "\" height=\"" + number(height) + "\" viewBox=\"0 0 " + number(width) + " " +
                    number(height) + "\" data-margin=\"" + number(kMargin) + "\" data-room=\"" + number(room) +
                    "\" data-letter=\"" + number(kLetter) + "\">\n<title>" + escape(title) + "</title>\n<style>" +
                    kSvgStyle + "</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n";
  out += label(kMargin, 26, "class=\"title\"", title);
  out += label(kMargin, 46, "class=\"note\"", empty ? "no samples in this view" : subtitle(stacks, picture));
  out += "<foreignObject x=\"" + number(width - 376) +
         "\" y=\"12\" width=\"220\" height=\"24\">"
         "<input xmlns=\"http://www.w3.org/1999/xhtml\" id=\"search\" placeholder=\"search ( / )\"/></foreignObject>\n";
  out += label(width - 146, 28, "id=\"matched\"", "");
  out += label(width - 146, 46, "id=\"reset\" class=\"button gone\"", "reset zoom");
  if (!empty) {
    out += "<g id=\"boxes\">\n";
    for (const FlameBox& box : picture.boxes) out += box_markup(stacks, box, whole, room, bottom);
    out += "</g>\n";
  }
  out += label(kMargin, bottom + 20, "id=\"details\"", "");
  out += std::string("<script><![CDATA[") + kSvgScript + "]]></script>\n</svg>\n";
  return out;
}

}  // namespace fanlight::formats
