#include "collector/cli/output.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

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

Result<Output> Output::create(const std::filesystem::path& path) {
  Output output(path);
  if (path.empty() || path == "-") return output;
  struct stat existing{};
  // Renaming over a device would replace it.
  const bool special = ::stat(path.c_str(), &existing) == 0 && !S_ISREG(existing.st_mode);
  const std::filesystem::path target = special ? path : std::filesystem::path(path.string() + ".part");
  output.file_ = Fd(::open(target.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (special ? 0 : O_TRUNC), 0644));
  if (!output.file_) return fail(errno, "create " + path.string(), "choose another place with -o FILE");
  if (!special) output.part_ = target;
  return output;
}

Output::Output(Output&& other) noexcept
    : path_(std::move(other.path_)), part_(std::exchange(other.part_, {})), file_(std::move(other.file_)) {}

Output::~Output() {
  if (!part_.empty()) ::unlink(part_.c_str());
}

Result<> Output::write(std::string_view bytes) {
  return file_ ? write_all(file_.get(), bytes, path_.string()) : write_all(STDOUT_FILENO, bytes, "stdout");
}

Result<> Output::complete() {
  if (part_.empty()) return {};
  if (::rename(part_.c_str(), path_.c_str()) != 0)
    return fail(errno, "create " + path_.string(), "choose another place with -o FILE");
  part_.clear();
  return {};
}

Result<> write_out(const std::filesystem::path& path, std::string_view bytes) {
  auto output = Output::create(path);
  if (!output) return std::unexpected(output.error());
  if (auto written = output->write(bytes); !written) return written;
  return output->complete();
}

}  // namespace fanlight::cli
