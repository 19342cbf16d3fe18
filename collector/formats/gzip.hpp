// gzip. In: bytes. Out: fewer bytes, the same for the same input; and back. For this room only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/error.hpp"

namespace fanlight::formats {

/// No name and no time in the header. Errors: out of memory. Source: RFC 1952, by zlib.
Result<std::string> gzip(std::string_view bytes);

/// Of one or more gzip members, one after the other. Errors: damaged, cut short, or more than `most` bytes within: a
/// file of a few kilobytes may claim to hold terabytes.
Result<std::string> gunzip(std::string_view packed, std::size_t most);

}  // namespace fanlight::formats
