// Runs a fuzz target without libFuzzer: seeds, each changed at random some thousand times. For the ordinary test run.
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main() {
  using namespace std::string_literals;
  const std::vector<std::string> seeds = {
      "GET /ws/t?token=a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nSec-WebSocket-Version: 13\r\n\r\n",
      "\x01\x81\x85\x01\x02\x03\x04hello\x89\x80\x01\x02\x03\x04\x88\x82\0\0\0\0\x03\xE8"s,
      "\x01\xC1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\x00"s,
      R"({"subscribe":["a",{"topic":"b","after":5}],"publish":{"topic":"c","data":"d"}})",
      "\x01\x82\xA9subscribe\x92\xA1t\x82\xA5topic\xA1u\xA5"s + "after\x07\xABunsubscribe\xA1v",
      "\x02\x0A\x05\x0A\x01t\x10\x07\x12\x01u"s,
  };
  std::mt19937 random(1);
  for (const std::string& seed : seeds) {
    for (int round = 0; round < 20'000; ++round) {
      std::string bytes = seed;
      for (unsigned change = random() % 6; change > 0 && !bytes.empty(); --change) {
        const std::size_t at = random() % bytes.size();
        switch (random() % 4) {
          case 0: bytes[at] = static_cast<char>(random()); break;
          case 1: bytes.erase(at, 1 + random() % 4); break;
          case 2: bytes.insert(at, 1 + random() % 4, static_cast<char>(random())); break;
          default: bytes[at] = static_cast<char>(bytes[at] ^ 1 << random() % 8);
        }
      }
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    }
  }
  std::puts("ok");
  return 0;
}
