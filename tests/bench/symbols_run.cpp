// Times symbols::Symbols on many addresses of one file. Usage: bench_symbols_run FILE COUNT|@ADDRESSES CACHE-DIRECTORY.
// ADDRESSES: a file of virtual addresses in hexadecimal, as perf script prints them; those of other files are left out.
#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "collector/symbols/elf_functions.hpp"
#include "collector/symbols/symbols.hpp"
#include "core/fd.hpp"
#include "tests/bench/figures.hpp"

namespace {

using namespace fanlight;

void measure(const std::string& file, const std::vector<std::uint64_t>& offsets, const symbols::DiskCache& cache,
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
  const std::string title = "naming " + std::to_string(offsets.size()) + " addresses, " + name;
  bench::figure(title, passed.count(), "s");
  bench::figure(title + ", with a line", static_cast<double>(lines), "addresses");
  bench::figure(title + ", inlined calls", static_cast<double>(inlined), "calls");
}

/// Those that lie in the program's own code, which runs where it was linked to.
std::vector<std::uint64_t> listed(const char* path, const symbols::ElfFunctions& elf) {
  std::vector<std::uint64_t> offsets;
  std::ifstream file(path);
  for (std::string word; file >> word;) {
    const std::uint64_t address = std::stoull(word, nullptr, 16);
    for (const symbols::Segment& segment : elf.segments)
      if (segment.executable && address >= segment.address && address - segment.address < segment.file_size)
        offsets.push_back(segment.offset + (address - segment.address));
  }
  return offsets;
}

/// Evenly over the code.
std::vector<std::uint64_t> invented(std::size_t wanted, const symbols::ElfFunctions& elf) {
  std::vector<std::uint64_t> offsets;
  std::minstd_rand random(1);
  std::uint64_t code = 0;
  for (const symbols::Segment& segment : elf.segments)
    if (segment.executable) code = std::max(code, segment.file_size);
  for (const symbols::Segment& segment : elf.segments) {
    if (!segment.executable || code != segment.file_size) continue;
    std::set<std::uint64_t> unique;
    while (unique.size() < wanted) {
      const std::uint64_t offset = segment.offset + (std::uint64_t{random()} * 31 + random()) % segment.file_size;
      const auto address = symbols::address_of(elf.segments, offset);
      if (address && elf.functions.find(*address).starts_with("fn_")) unique.insert(offset);
    }
    offsets.assign(unique.begin(), unique.end());
  }
  return offsets;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const std::string file = std::filesystem::absolute(argv[1]);
  const Fd descriptor{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  const auto elf = symbols::read_elf(descriptor.get());
  if (!elf) return 1;
  const std::vector<std::uint64_t> offsets =
      argv[2][0] == '@' ? listed(argv[2] + 1, *elf) : invented(static_cast<std::size_t>(std::atol(argv[2])), *elf);
  if (offsets.empty()) return 1;
  std::filesystem::remove_all(argv[3]);
  const symbols::DiskCache cache = *argv[3] != '\0' ? symbols::DiskCache(argv[3]) : symbols::DiskCache();
  measure(file, offsets, cache, "cold");
  if (*argv[3] != '\0') measure(file, offsets, cache, "from the cache");
}
