// Names and lines of code that was compiled at run time, as a jitdump has them. In: the bytes of jit-PID.dump, hostile.
// Out: places by address.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/symbols/function_table.hpp"
#include "collector/symbols/place.hpp"

namespace fanlight::symbols {

/// Threads: const, any.
class JitDump {
 public:
  JitDump() = default;
  /// Name, file and line of the code at `address`; the name is empty where there is none. Cost: O(log records).
  Place find(std::uint64_t address) const;
  bool empty() const { return functions_.empty(); }

 private:
  friend JitDump parse_jit_dump(std::string_view bytes);
  struct Line {
    std::uint64_t address = 0;
    std::uint32_t file = 0;  // index into files_
    std::uint32_t line = 0;
  };
  FunctionTable functions_;
  std::vector<Line> lines_;  // by address
  std::vector<std::string> files_;
};

/// Of two functions at one address the later counts, and code that is said to have moved is found where it went. A
/// record that makes no sense ends the reading. Only little-endian files of version 1. Cost: O(n log n). Source: Linux,
/// tools/perf/Documentation/jitdump-specification.txt.
JitDump parse_jit_dump(std::string_view bytes);

}  // namespace fanlight::symbols
