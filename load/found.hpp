// What a parser found in the bytes it was given.
#pragma once

namespace fanlight::load {

/// Parsers of streams take whole items off the front of a view and leave what is not whole yet, which the caller gives
/// them again with more behind it. They keep no bytes themselves: thousands of streams share one buffer.
enum class Found : unsigned char {
  nothing,  // more bytes are needed
  item,     // one is whole; call again with what is left
  error,    // the stream makes no sense or is too long
};

/// The longest item that any of them takes, overhead included.
inline constexpr unsigned long kMaxItem = 2u << 20;

}  // namespace fanlight::load
