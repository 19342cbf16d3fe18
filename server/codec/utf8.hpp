// UTF-8. In: bytes. Out: whether they are text.
#pragma once

#include <string_view>

namespace fanlight::server::codec {

/// True when `bytes` is well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
/// Cost: one pass, eight bytes at a time while they are ASCII. Source: Unicode 15, table 3-7.
bool is_utf8(std::string_view bytes);

}  // namespace fanlight::server::codec
