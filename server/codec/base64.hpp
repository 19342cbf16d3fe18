// Bytes as text. In: bytes. Out: base64, and back.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fanlight::server::codec {

/// With padding, no line ends. Source: RFC 4648, 4.
std::string to_base64(std::string_view bytes);
/// Without padding, '-' and '_' for '+' and '/'. Errors: any other character. Source: RFC 4648, 5.
std::optional<std::string> from_base64url(std::string_view text);

}  // namespace fanlight::server::codec
