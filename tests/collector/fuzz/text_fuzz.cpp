// Fuzzes the readers of what is no ELF file: maps of code that was compiled at run time, kernel symbols, mappings,
// packed symbols, places and names that come back from disk. Property: names are printable and bounded.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collector/process/mappings.hpp"
#include "collector/symbols/demangle.hpp"
#include "collector/symbols/jit_dump.hpp"
#include "collector/symbols/kernel_symbols.hpp"
#include "collector/symbols/perf_map.hpp"
#include "collector/symbols/place_table.hpp"
#include "collector/symbols/unpack.hpp"

using namespace fanlight;
using namespace fanlight::symbols;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 7) {
    case 0: parse_perf_map(text).find(0x7f0000001010); break;
    case 1:
      if (const auto functions = parse_kernel_symbols(text)) functions->find(0xffffffff81000010);
      break;
    case 2:
      if (const auto places = parse_places(text); places && parse_places(serialise(*places)) != places) std::abort();
      break;
    case 3: {
      const process::Mappings mappings = process::Mappings::parse(text);
      for (const auto& mapping : mappings.all())
        if (mapping.start >= mapping.end) std::abort();
      break;
    }
    case 4: unpack_xz(text); break;
    case 5: parse_jit_dump(text).find(0x7f0000001010); break;
    default:
      for (const char c : display_name(text))
        if (static_cast<unsigned char>(c) < ' ') std::abort();
  }
  return 0;
}
