#include "collector/formats/text.hpp"

#include <algorithm>
#include <cstddef>

#include "core/units.hpp"

namespace fanlight::formats {
namespace {

/// Bytes of the well-formed character at the front of `bytes`, 0 when there is none.
std::size_t character(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xc2 && lead <= 0xdf   ? 2
                             : lead >= 0xe0 && lead <= 0xef ? 3
                             : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                            : 0;
  if (length == 0 || bytes.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates and what lies beyond U+10FFFF differ in the second byte only.
  if (lead == 0xe0 && byte(1) < 0xa0) return 0;
  if (lead == 0xed && byte(1) > 0x9f) return 0;
  if (lead == 0xf0 && byte(1) < 0x90) return 0;
  if (lead == 0xf4 && byte(1) > 0x8f) return 0;
  return length;
}

bool control(std::string_view one) {
  const auto first = static_cast<unsigned char>(one[0]);
  if (one.size() == 1) return first < 0x20 || first == 0x7f;
  return one.size() == 2 && first == 0xc2 && static_cast<unsigned char>(one[1]) < 0xa0;
}

/// U+FFFE and U+FFFF, which XML forbids.
bool noncharacter(std::string_view one) { return one == "\xef\xbf\xbe" || one == "\xef\xbf\xbf"; }

}  // namespace

std::string clean(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t length = character(bytes);
    if (length == 0) {
      text += "\xef\xbf\xbd";
      bytes.remove_prefix(1);
      continue;
    }
    const std::string_view one = bytes.substr(0, length);
    if (control(one)) {
      text += ' ';
    } else if (noncharacter(one)) {
      text += "\xef\xbf\xbd";
    } else {
      text += one;
    }
    bytes.remove_prefix(length);
  }
  return text;
}

std::string shown_name(const profile::Frame& frame) { return frame.name.empty() ? "[unknown]" : clean(frame.name); }

std::string folded_name(const profile::Frame& frame) {
  std::string name = shown_name(frame);
  std::replace(name.begin(), name.end(), ';', ':');
  if (frame.origin == profile::FrameOrigin::kernel) name += "_[k]";
  return name;
}

std::string amount(const std::string& unit, std::uint64_t weight) {
  const auto value = static_cast<double>(weight);
  if (unit == "nanoseconds") return format_ns(value);
  if (unit == "bytes") return format_bytes(value);
  return format_count(value) + " " + clean(unit);
}

}  // namespace fanlight::formats
