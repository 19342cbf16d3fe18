// UTF-8. In: bytes. Out: whether they are text.
#pragma once

#include <cstdint>
#include <string_view>

namespace fanlight::server::codec {

/// True when `bytes` is well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
/// Cost: one pass, eight bytes at a time while they are ASCII. Source: Unicode 15, table 3-7.
bool is_utf8(std::string_view bytes);

/// The same for text that comes in portions: wrong at the first byte that no continuation could mend.
class Utf8Check {
 public:
  /// False: not UTF-8, whatever follows.
  bool add(char byte);
  /// True when the text may end here.
  bool complete() const { return left_ == 0; }

 private:
  std::uint8_t left_ = 0;  // bytes that the open sequence still needs
  std::uint8_t low_ = 0x80;
  std::uint8_t high_ = 0xBF;  // what the next of them may be
};

}  // namespace fanlight::server::codec
