#include "collector/formats/svg.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "collector/formats/flame.hpp"
#include "collector/formats/flame_data.hpp"
#include "collector/formats/flame_script.hpp"
#include "collector/formats/text.hpp"
#include "core/units.hpp"

namespace fanlight::formats {
namespace {

constexpr double kMargin = 10;
constexpr double kRow = 18;
constexpr double kHead = 74;
constexpr double kFoot = 30;
constexpr double kLetter = 7.25;  // width of a letter of the 12 px monospaced face

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

/// Red for more, blue for less, the stronger the larger the change; grey for what is within the noise.
std::string change_colour(const FlameBox& box, bool quiet) {
  if (quiet) return hsl(0, 0, 0.82);
  const auto now = static_cast<double>(box.weight);
  const auto before = static_cast<double>(box.before);
  const double strength = std::fabs(now - before) / std::max({now, before, 1.0});
  return hsl(now >= before ? 6 : 214, 0.85, 0.96 - std::min(0.42, 0.6 * strength));
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
                       double bottom, const std::string& fill) {
  const double share = static_cast<double>(box.weight) / whole;
  const double x = kMargin + static_cast<double>(box.start) / whole * room;
  const double y = bottom - static_cast<double>(box.depth + 1) * kRow;
  std::string name = box.name;
  if (box.frame != nullptr && box.frame->origin == profile::FrameOrigin::kernel) name += " [kernel]";
  std::string title =
      name + "\n" + amount(stacks.unit, box.weight) + ", " + format_share(static_cast<double>(box.weight), whole);
  if (box.count > 0) title += ", " + std::to_string(box.count) + (box.count == 1 ? " sample" : " samples");
  if (box.frame != nullptr && !box.frame->module.empty()) title += ", " + clean(box.frame->module);
  return "<g class=\"box\"><title>" + escaped(title) + "</title><rect x=\"" + number(x) + "\" y=\"" + number(y) +
         "\" width=\"" + number(share * room) + "\" height=\"" + number(kRow - 1) + "\" rx=\"1.5\" fill=\"" + fill +
         "\"/><text x=\"" + number(x + 3) + "\" y=\"" + number(y + 12.5) + "\">" + escaped(fitted(name, share * room)) +
         "</text></g>\n";
}

std::string label(double x, double y, const char* attributes, const std::string& text) {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" " + attributes + ">" + escaped(text) + "</text>\n";
}

}  // namespace

std::string svg(const profile::WeightedStacks& stacks, const SvgOptions& options) {
  const Flame picture = flame(stacks, options.min_share, options.before);
  const auto whole = static_cast<double>(stacks.total());
  const double width = std::max(options.width, 400u);
  const double room = width - 2 * kMargin;
  const bool empty = stacks.total() == 0;
  const double head = kHead + static_cast<double>(options.notes.size()) * 16;
  const double bottom = head + static_cast<double>(empty ? 1 : picture.depth + 1) * kRow;
  const std::string title =
      options.title.empty() ? clean(stacks.name) + ", " + format_ns(static_cast<double>(stacks.to_ns - stacks.from_ns))
                            : clean(options.title);
  FlameData data{.unit = stacks.unit, .head = head, .compared = options.before != nullptr};
  if (options.before != nullptr) {
    for (const FlameBox& box : picture.boxes) data.quiet.push_back(options.quiet && options.quiet(box.name));
  }

  std::string out =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" id=\"flame\" "
      "class=\"flame\" width=\"" +
      number(width) + "\" height=\"" + number(bottom + kFoot) + "\" viewBox=\"0 0 " + number(width) + " " +
      number(bottom + kFoot) + "\">\n<title>" + escaped(title) + "</title>\n<style>" + kFlameStyle +
      "</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n";
  out += label(kMargin, 26, "class=\"title\"", title);
  out += label(kMargin, 46, "class=\"note\"", empty ? "no samples in this view" : subtitle(stacks, picture));
  for (std::size_t i = 0; i < options.notes.size(); ++i) {
    out += label(kMargin, 62 + 16 * static_cast<double>(i), "class=\"note\"", clean(options.notes[i]));
  }
  out += "<foreignObject x=\"" + number(width - 376) +
         "\" y=\"12\" width=\"220\" height=\"24\">"
         "<input xmlns=\"http://www.w3.org/1999/xhtml\" id=\"search\" style=\"width:100%;height:100%\" "
         "placeholder=\"search ( / )\"/></foreignObject>\n";
  out += label(width - 146, 28, "id=\"matched\"", "");
  out += label(width - 376, 54, "id=\"invert\" class=\"button\"", "invert");
  out += label(width - 316, 54, "id=\"colour\" class=\"button\"", "colour");
  out += label(width - 196, 54, "id=\"theme\" class=\"button\"", "dark");
  out += label(width - 146, 54, "id=\"reset\" class=\"button gone\"", "reset zoom");
  if (!empty) {
    out += "<g id=\"boxes\">\n";
    for (std::size_t i = 0; i < picture.boxes.size(); ++i) {
      const FlameBox& box = picture.boxes[i];
      const bool compared = options.before != nullptr && box.frame != nullptr;
      out += box_markup(stacks, box, whole, room, bottom,
                        compared ? change_colour(box, i < data.quiet.size() && data.quiet[i]) : colour(box));
    }
    out += "</g>\n";
  }
  out += label(kMargin, bottom + 20, "id=\"details\"", "");
  out += "<script type=\"application/json\" id=\"flame-data\">" + flame_data(picture, data) + "</script>\n";
  out += std::string("<script><![CDATA[") + kFlameScript + "]]></script>\n</svg>\n";
  return out;
}

}  // namespace fanlight::formats
