#include "collector/store/header.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "core/fd.hpp"

namespace fanlight::store {
namespace {

using Bytes = std::array<unsigned char, 100>;

std::uint32_t big_endian(const Bytes& bytes, std::size_t at) {
  return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 | std::uint32_t{bytes[at + 2]} << 8 |
         bytes[at + 3];
}

}  // namespace

Result<Header> read_header(const std::filesystem::path& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) {
    return fail(errno, path.string(), errno == ENOENT ? "check the name; `fanlight record -o FILE` makes one" : "");
  }
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return fail(errno, path.string());
  if (!S_ISREG(status.st_mode)) return fail(0, path.string() + " is not a regular file");

  Bytes bytes{};
  if (::pread(file.get(), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) return Header{};
  constexpr std::string_view kMagic{"SQLite format 3\0", 16};
  if (std::string_view(reinterpret_cast<const char*>(bytes.data()), kMagic.size()) != kMagic) return Header{};
  const std::uint32_t page = std::uint32_t{bytes[16]} << 8 | bytes[17];
  return Header{.sqlite = true,
                .application_id = big_endian(bytes, 68),
                .user_version = big_endian(bytes, 60),
                .says_bytes = std::uint64_t{big_endian(bytes, 28)} * (page == 1 ? 65536 : page),
                .bytes = static_cast<std::uint64_t>(status.st_size)};
}

}  // namespace fanlight::store
