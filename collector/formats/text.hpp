// Names as formats can carry them. In: any bytes. Out: UTF-8 without control characters. For this room only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "collector/profile/profile.hpp"

namespace fanlight::formats {

/// What is no UTF-8 becomes U+FFFD, control characters become spaces: no name can break a line, a file or a terminal.
/// Source: RFC 3629, section 4.
std::string clean(std::string_view bytes);

/// The frame's name, cleaned; "[unknown]" when it has none.
std::string shown_name(const profile::Frame& frame);

/// The same for folded stacks: ';' becomes ':', and kernel frames end in "_[k]".
std::string folded_name(const profile::Frame& frame);

/// A weight for people: "1.25 ms", "1.50 MiB", "84.2k samples".
std::string amount(const std::string& unit, std::uint64_t weight);

}  // namespace fanlight::formats
