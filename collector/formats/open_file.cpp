#include "collector/formats/open_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include "collector/store/recording.hpp"
#include "core/fd.hpp"

namespace fanlight::formats {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 30;

Result<std::string> read_all(int fd, const std::string& name) {
  std::string bytes;
  std::array<char, 256 * 1024> room{};
  while (true) {
    const ssize_t got = ::read(fd, room.data(), room.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(errno, "read " + name);
    if (got == 0) return bytes;
    bytes.append(room.data(), static_cast<std::size_t>(got));
    if (bytes.size() > kMostBytes) return fail(0, name + ": more than 1 GiB", "export a part of it");
  }
}

}  // namespace

Result<Imported> open_file(const std::filesystem::path& path) {
  const std::string name = path == "-" ? "standard input" : path.string();
  if (path == "-") {
    auto bytes = read_all(STDIN_FILENO, name);
    if (!bytes) return std::unexpected(bytes.error());
    return import_profile(*bytes, name);
  }
  std::string bytes;
  {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat status{};
    // What cannot be opened or is no file is told by the recording's reader, which says it best.
    const bool regular = file && ::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode);
    constexpr std::string_view kMagic{"SQLite format 3\0", 16};
    std::array<char, kMagic.size()> magic{};
    const bool sqlite = regular && ::pread(file.get(), magic.data(), magic.size(), 0) == ssize_t{kMagic.size()} &&
                        std::string_view(magic.data(), magic.size()) == kMagic;
    if (sqlite || !regular || status.st_size == 0) {
      auto window = store::open_recording(path);
      if (!window) return std::unexpected(window.error());
      return Imported{std::move(*window), "recording", profile::View::wall};
    }
    auto all = read_all(file.get(), name);
    if (!all) return std::unexpected(all.error());
    bytes = std::move(*all);
  }
  return import_profile(bytes, name);
}

}  // namespace fanlight::formats
