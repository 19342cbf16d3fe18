#include "collector/formats/gzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <memory>

namespace fanlight::formats {

Result<std::string> gzip(std::string_view bytes) {
  z_stream stream{};
  constexpr int kGzipWindow = 15 + 16;
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return fail(ENOMEM, "gzip");
  }
  const auto end = [](z_stream* used) { deflateEnd(used); };
  const std::unique_ptr<z_stream, decltype(end)> owner(&stream, end);

  std::string packed;
  std::array<char, 64 * 1024> room{};
  // zlib counts its input in 32 bits.
  constexpr std::size_t kMost = std::numeric_limits<uInt>::max() / 2;
  int code = Z_OK;
  while (code != Z_STREAM_END) {
    const std::size_t part = std::min(bytes.size(), kMost);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(part);
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = static_cast<uInt>(room.size());
    code = deflate(&stream, part == bytes.size() ? Z_FINISH : Z_NO_FLUSH);
    if (code == Z_STREAM_ERROR) return fail(EINVAL, "gzip");
    bytes.remove_prefix(part - stream.avail_in);
    packed.append(room.data(), room.size() - stream.avail_out);
  }
  return packed;
}

}  // namespace fanlight::formats
