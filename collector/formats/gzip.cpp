#include "collector/formats/gzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <memory>
#include <string>

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

Result<std::string> gunzip(std::string_view packed, std::size_t most) {
  z_stream stream{};
  constexpr int kGzipWindow = 15 + 16;
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) return fail(ENOMEM, "gunzip");
  const auto end = [](z_stream* used) { inflateEnd(used); };
  const std::unique_ptr<z_stream, decltype(end)> owner(&stream, end);

  std::string bytes;
  std::array<char, 64 * 1024> room{};
  constexpr std::size_t kMost = std::numeric_limits<uInt>::max() / 2;
  while (!packed.empty()) {
    const std::size_t part = std::min(packed.size(), kMost);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(part);
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = static_cast<uInt>(room.size());
    const int code = inflate(&stream, Z_NO_FLUSH);
    packed.remove_prefix(part - stream.avail_in);
    bytes.append(room.data(), room.size() - stream.avail_out);
    if (bytes.size() > most) return fail(0, "gzip: more than " + std::to_string(most >> 20) + " MiB within");
    if (code == Z_STREAM_END) {
      if (packed.empty()) return bytes;
      if (inflateReset(&stream) != Z_OK) return fail(0, "gzip: damaged");
      continue;
    }
    if (code != Z_OK) return fail(0, "gzip: damaged");
  }
  return fail(0, "gzip: cut short");
}

}  // namespace fanlight::formats
