#include "collector/symbols/unpack.hpp"

#include <lzma.h>

#include <cstdint>

namespace fanlight::symbols {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{256} << 20;
constexpr std::uint64_t kMaxWorkBytes = std::uint64_t{64} << 20;

struct Stream {
  lzma_stream raw = LZMA_STREAM_INIT;
  Stream() = default;
  Stream(const Stream&) = delete;
  ~Stream() { ::lzma_end(&raw); }
};

}  // namespace

std::string unpack_xz(std::string_view packed) {
  Stream stream;
  if (::lzma_stream_decoder(&stream.raw, kMaxWorkBytes, 0) != LZMA_OK) return {};
  stream.raw.next_in = reinterpret_cast<const std::uint8_t*>(packed.data());
  stream.raw.avail_in = packed.size();
  std::string text;
  lzma_ret result = LZMA_OK;
  while (result == LZMA_OK && text.size() < kMaxBytes) {
    const std::size_t filled = text.size();
    constexpr std::size_t kStep = std::size_t{1} << 20;
    text.resize(filled + kStep);
    stream.raw.next_out = reinterpret_cast<std::uint8_t*>(text.data() + filled);
    stream.raw.avail_out = kStep;
    result = ::lzma_code(&stream.raw, LZMA_FINISH);
    text.resize(filled + kStep - stream.raw.avail_out);
  }
  return result == LZMA_STREAM_END ? text : std::string();
}

}  // namespace fanlight::symbols
