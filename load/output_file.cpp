#include "load/output_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "core/fd.hpp"

namespace fanlight::load {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> refused(int code, const std::string& path) {
  return fail(code, "write " + path, "check the path, its permissions and the space left");
}

/// What a link leads to: renaming over the link would leave the file it names as it was.
fs::path target_of(const std::string& path) {
  std::error_code error;
  const fs::path target = fs::canonical(path, error);
  return error ? fs::path(path) : target;
}

Result<> write_all(const std::string& path, int flags, std::string_view text) {
  Fd file(::open(path.c_str(), flags | O_WRONLY | O_CLOEXEC, 0666));
  if (!file) return fail(errno, path);
  while (!text.empty()) {
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail(errno, path);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::close(file.release()) != 0) return fail(errno, path);
  return {};
}

}  // namespace

Result<> check_writable(const std::string& path) {
  const fs::path target = target_of(path);
  std::error_code error;
  if (fs::is_directory(target, error)) return refused(EISDIR, path);
  if (fs::exists(target, error)) return ::access(target.c_str(), W_OK) == 0 ? Result<>() : refused(errno, path);
  const fs::path directory = target.has_parent_path() ? target.parent_path() : fs::path(".");
  return ::access(directory.c_str(), W_OK | X_OK) == 0 ? Result<>() : refused(errno, path);
}

Result<> write_whole(const std::string& path, std::string_view text) {
  const fs::path target = target_of(path);
  std::error_code error;
  if (fs::exists(target, error) && !fs::is_regular_file(target, error)) {
    if (const auto written = write_all(target.string(), 0, text); !written) return refused(written.error().code, path);
    return {};
  }
  const std::string part = target.string() + ".part-" + std::to_string(::getpid());
  auto written = write_all(part, O_CREAT | O_TRUNC, text);
  if (written && std::rename(part.c_str(), target.c_str()) == 0) return {};
  const int code = written ? errno : written.error().code;
  ::unlink(part.c_str());
  return refused(code, path);
}

}  // namespace fanlight::load
