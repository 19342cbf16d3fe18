// Fuzzes the readers of ELF files: symbols, segments, build-id, links to debug files, source lines. Property: what
// comes out is printable and bounded.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "collector/symbols/demangle.hpp"
#include "collector/symbols/dwarf_places.hpp"
#include "collector/symbols/elf_functions.hpp"
#include "core/fd.hpp"

using namespace fanlight;
using namespace fanlight::symbols;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Fd file{::memfd_create("fuzz", MFD_CLOEXEC)};
  if (::write(file.get(), data, size) != static_cast<ssize_t>(size)) return 0;
  const auto elf = read_elf(std::as_bytes(std::span(data, size)));
  std::vector<std::uint64_t> addresses;
  if (elf) {
    for (const Segment& segment : elf->segments)
      for (std::uint64_t at = 0; at < segment.file_size && addresses.size() < 64; at += 1 + segment.file_size / 16)
        addresses.push_back(segment.address + at);
    for (const std::uint64_t address : addresses)
      if (display_name(elf->functions.find(address)).size() > 1024) std::abort();
  }
  if (const auto hints = read_debug_hints(file.get()); hints && hints->link.find('/') != std::string::npos)
    std::abort();
  auto dwarf = DwarfPlaces::open(Fd{::dup(file.get())});
  if (!dwarf) return 0;
  std::ranges::sort(addresses);
  for (const Place& place : dwarf->find(addresses))
    if (place.inlined.size() > 1000) std::abort();
  return 0;
}
