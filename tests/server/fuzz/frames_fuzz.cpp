// Fuzzes what WebSocket clients send. Property: the same requests however the bytes are cut, and bounded messages.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "server/codec/client_frames.hpp"

using namespace fanlight::server;

namespace {

std::string told(std::span<const std::byte> bytes, std::size_t portion, bool deflate) {
  codec::ClientFrames frames({.max_message_bytes = 4096, .keep = true, .deflate = deflate});
  std::string all;
  while (!bytes.empty()) {
    std::span<const std::byte> rest = bytes.first(std::min(portion, bytes.size()));
    bytes = bytes.subspan(rest.size());
    for (codec::ClientRequest request = frames.next(rest); request.kind != codec::ClientRequest::Kind::none;
         request = frames.next(rest)) {
      if (request.payload.size() > 4096) std::abort();
      all += static_cast<char>('0' + static_cast<int>(request.kind));
      all += std::to_string(static_cast<int>(request.code)) + request.payload;
    }
    if (!rest.empty()) std::abort();
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
  const bool deflate = (data[0] & 1) != 0;
  if (told(bytes, bytes.size() + 1, deflate) != told(bytes, 1 + data[0] % 7u, deflate)) std::abort();
  return 0;
}
