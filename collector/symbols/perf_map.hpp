// Names of code that was compiled at run time. In: the text of /tmp/perf-PID.map, hostile. Out: a table by address.
#pragma once

#include <string_view>

#include "collector/symbols/function_table.hpp"

namespace fanlight::symbols {

/// "START SIZE name" on each line, numbers in hexadecimal; of two at one address the later counts. Lines that make no
/// sense are skipped. Cost: O(n log n). Source: Linux, tools/perf/Documentation/jit-interface.txt.
FunctionTable parse_perf_map(std::string_view text);

}  // namespace fanlight::symbols
