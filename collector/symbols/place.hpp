// What is known of one place in code. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fanlight::symbols {

/// A function that the compiler copied into its caller.
struct InlinedCall {
  std::string name;  // as `display_name()` spells it
  std::string file;  // where this function stands at the place; empty: unknown
  std::uint32_t line = 0;
  bool operator==(const InlinedCall&) const = default;
};

struct Place {
  std::string name;  // the function that holds the place; "[module+0xoffset]" where it is unknown
  std::string file;  // source file of the place, or of the call of inlined[0]; empty: unknown
  std::uint32_t line = 0;
  std::vector<InlinedCall> inlined;  // caller before callee
  bool operator==(const Place&) const = default;
};

}  // namespace fanlight::symbols
