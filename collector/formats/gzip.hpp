// gzip. In: bytes. Out: fewer bytes, the same for the same input. For this room only.
#pragma once

#include <string>
#include <string_view>

#include "core/error.hpp"

namespace fanlight::formats {

/// No name and no time in the header. Errors: out of memory. Source: RFC 1952, by zlib.
Result<std::string> gzip(std::string_view bytes);

}  // namespace fanlight::formats
