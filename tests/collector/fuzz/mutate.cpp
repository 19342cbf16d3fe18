// Runs a fuzz target without libFuzzer: the files named, each changed at random some hundred times. For the ordinary
// test run.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  std::mt19937 random(1);
  if (argc < 3) return 2;
  const int rounds = std::atoi(argv[1]);
  for (int file = 2; file < argc; ++file) {
    std::ifstream in(argv[file], std::ios::binary);
    const std::string seed{std::istreambuf_iterator<char>(in), {}};
    if (seed.empty()) return 1;
    for (int round = 0; round < rounds; ++round) {
      std::string bytes = seed;
      for (unsigned change = random() % 8; change > 0 && !bytes.empty(); --change) {
        // The heads of files and the tables at their ends steer the reading.
        const std::size_t near = std::min<std::size_t>(bytes.size(), 1024);
        const std::size_t at = random() % 3 == 0   ? random() % near
                               : random() % 2 == 0 ? bytes.size() - 1 - random() % near
                                                   : random() % bytes.size();
        switch (random() % 4) {
          case 0: bytes[at] = static_cast<char>(random()); break;
          case 1: bytes[at] = static_cast<char>(bytes[at] ^ 1 << random() % 8); break;
          case 2: bytes[at] = static_cast<char>(random() % 2 ? 0xff : 0x7f); break;
          default:
            if (random() % 8 == 0) bytes.resize(at);
        }
      }
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    }
  }
  std::puts("ok");
  return 0;
}
