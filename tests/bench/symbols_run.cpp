// Times symbols::Symbols on many addresses of one file. Usage: bench_symbols_run FILE COUNT CACHE-DIRECTORY.
#include <fcntl.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "collector/symbols/elf_functions.hpp"
#include "collector/symbols/symbols.hpp"
#include "core/fd.hpp"

namespace {

using namespace fanlight;

double measure(const std::string& file, const std::vector<std::uint64_t>& offsets, const symbols::DiskCache& cache,
               const char* name) {
  const auto start = std::chrono::steady_clock::now();
  std::size_t lines = 0, inlined = 0;
  {
    symbols::Symbols symbols(0, "/", cache);
    for (const symbols::Place& place : symbols.places(file, offsets)) {
      lines += place.line > 0;
      inlined += place.inlined.size();
    }
  }
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
  std::printf("%s: %zu addresses in %.3f s, %zu with a line, %zu inlined calls\n", name, offsets.size(), passed.count(),
              lines, inlined);
  return passed.count();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const std::string file = std::filesystem::absolute(argv[1]);
  const Fd descriptor{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  const auto elf = symbols::read_elf(descriptor.get());
  if (!elf) return 1;
  std::vector<std::uint64_t> offsets;
  std::minstd_rand random(1);
  const auto wanted = static_cast<std::size_t>(std::atol(argv[2]));
  std::size_t code = 0;
  for (const symbols::Segment& segment : elf->segments)
    if (segment.executable) code = segment.file_size;
  for (const symbols::Segment& segment : elf->segments) {
    if (!segment.executable || code != segment.file_size) continue;
    while (offsets.size() < wanted) {
      const std::uint64_t offset = segment.offset + (std::uint64_t{random()} * 31 + random()) % segment.file_size;
      const auto address = symbols::address_of(elf->segments, offset);
      if (address && elf->functions.find(*address).starts_with("fn_")) offsets.push_back(offset);
    }
  }
  std::filesystem::remove_all(argv[3]);
  const symbols::DiskCache cache = *argv[3] != '\0' ? symbols::DiskCache(argv[3]) : symbols::DiskCache();
  measure(file, offsets, cache, "cold");
  if (*argv[3] != '\0') measure(file, offsets, cache, "from the cache");
}
