#include "collector/cli/output.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "core/fd.hpp"

namespace fanlight::cli {
namespace {

Result<> write_all(int fd, std::string_view bytes, const std::string& name) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return fail(errno, "write " + name, "check the free space and the permissions there");
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

}  // namespace

Result<> write_out(const std::filesystem::path& path, std::string_view bytes) {
  if (path.empty() || path == "-") return write_all(STDOUT_FILENO, bytes, "stdout");
  struct stat existing{};
  const bool special = ::stat(path.c_str(), &existing) == 0 && !S_ISREG(existing.st_mode);
  // A pipe or /dev/null is written in place; renaming over it would replace the device.
  const std::filesystem::path target = special ? path : std::filesystem::path(path.string() + ".part");
  {
    const Fd file(::open(target.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (special ? 0 : O_TRUNC), 0644));
    if (!file) return fail(errno, "create " + path.string(), "choose another place with -o FILE");
    if (auto done = write_all(file.get(), bytes, path.string()); !done) {
      if (!special) ::unlink(target.c_str());
      return done;
    }
  }
  if (!special && ::rename(target.c_str(), path.c_str()) != 0) {
    const int code = errno;
    ::unlink(target.c_str());
    return fail(code, "create " + path.string(), "choose another place with -o FILE");
  }
  return {};
}

}  // namespace fanlight::cli
