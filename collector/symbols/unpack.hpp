// Unpacks what files carry in packed form. In: hostile bytes. Out: what they hold, up to a bound.
#pragma once

#include <string>
#include <string_view>

namespace fanlight::symbols {

/// Of a .xz stream, at most 256 MiB unpacked and 64 MiB of memory at work; empty for anything else. Threads: any.
std::string unpack_xz(std::string_view packed);

}  // namespace fanlight::symbols
