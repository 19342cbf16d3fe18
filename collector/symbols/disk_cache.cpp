#include "collector/symbols/disk_cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/fd.hpp"

namespace fanlight::symbols {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{512} << 20;

std::uint64_t checksum(std::string_view bytes) {
  return ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
}

bool is_build_id(const std::string& text) {
  return text.size() >= 4 && text.size() <= 128 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::optional<std::string> read_whole(const std::filesystem::path& path) {
  const Fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_size < 0 ||
      static_cast<std::size_t>(status.st_size) > kMaxBytes)
    return std::nullopt;
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t got = ::read(file.get(), bytes.data() + at, bytes.size() - at);
    if (got <= 0) return std::nullopt;
    at += static_cast<std::size_t>(got);
  }
  return bytes;
}

bool write_whole(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(file, bytes.data(), bytes.size());
    if (wrote <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

}  // namespace

DiskCache DiskCache::of_user() {
  for (const auto& [variable, below] : {std::pair{"XDG_CACHE_HOME", "fanlight"}, {"HOME", ".cache/fanlight"}}) {
    const char* const value = std::getenv(variable);
    if (value != nullptr && value[0] == '/') return DiskCache(std::filesystem::path(value) / below);
  }
  return {};
}

std::optional<std::string> DiskCache::load(std::string_view kind, const std::string& build_id) const {
  if (directory_.empty() || !is_build_id(build_id)) return std::nullopt;
  auto bytes = read_whole(directory_ / kind / build_id);
  std::uint64_t expected = 0;
  if (!bytes || bytes->size() < sizeof expected) return std::nullopt;
  const std::size_t size = bytes->size() - sizeof expected;
  std::memcpy(&expected, bytes->data() + size, sizeof expected);
  bytes->resize(size);
  if (checksum(*bytes) != expected) return std::nullopt;
  return bytes;
}

void DiskCache::store(std::string_view kind, const std::string& build_id, std::string_view bytes) const {
  if (directory_.empty() || !is_build_id(build_id)) return;
  std::error_code failed;
  const std::filesystem::path path = directory_ / kind / build_id;
  std::filesystem::create_directories(path.parent_path(), failed);
  std::string temporary = path.string() + ".XXXXXX";
  const Fd file{failed ? -1 : ::mkostemp(temporary.data(), O_CLOEXEC)};
  if (!file) return;
  const std::uint64_t sum = checksum(bytes);
  const bool whole =
      write_whole(file.get(), bytes) && write_whole(file.get(), {reinterpret_cast<const char*>(&sum), sizeof sum});
  if (whole) std::filesystem::rename(temporary, path, failed);
  if (!whole || failed) ::unlink(temporary.c_str());
}

}  // namespace fanlight::symbols
