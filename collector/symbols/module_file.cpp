#include "collector/symbols/module_file.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "collector/process/mappings.hpp"
#include "collector/process/proc_text.hpp"

namespace fanlight::symbols {
namespace {

namespace fs = std::filesystem;

/// The file at `path` with symbolic links, ".." and absolute links kept below `directory`; not yet opened for reading.
/// The target chooses what lies there: a link must not lead the collector, which may be root, out of that tree.
Fd locate_below(const Fd& directory, const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return Fd{static_cast<int>(::syscall(SYS_openat2, directory.get(), path.c_str(), &how, sizeof how))};
}

/// Opens what `located` refers to, for reading. Opening a device or a pipe can have effects, so the kind comes first.
Result<Fd> open_regular(const Fd& located, const std::string& name) {
  if (!located) return fail(errno, name);
  struct stat status;
  if (::fstat(located.get(), &status) != 0) return fail(errno, name);
  if (!S_ISREG(status.st_mode)) return fail(0, name + ": not a regular file");
  Fd file{::open(("/proc/self/fd/" + std::to_string(located.get())).c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)};
  if (!file) return fail(errno, name);
  return file;
}

std::string range_name(const process::Mapping& mapping) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto hexadecimal = [&](std::uint64_t number) {
    std::string text;
    do text.insert(text.begin(), kDigits[number & 15]);
    while ((number >>= 4) != 0);
    return text;
  };
  return hexadecimal(mapping.start) + "-" + hexadecimal(mapping.end);
}

/// Source: GDB manual, "Separate Debug Files": the CRC of the whole file, as zlib computes it.
/// Empty: it is larger than any debug file that would be read, or cannot be read.
std::optional<std::uint32_t> crc_of(const Fd& file) {
  constexpr off_t kMaxBytes = off_t{4} << 30;
  struct stat status;
  if (::fstat(file.get(), &status) != 0 || status.st_size > kMaxBytes) return std::nullopt;
  std::vector<unsigned char> bytes(1 << 20);
  uLong crc = ::crc32(0, nullptr, 0);
  off_t at = 0;
  // It may grow meanwhile.
  for (ssize_t got; at < kMaxBytes && (got = ::pread(file.get(), bytes.data(), bytes.size(), at)) > 0; at += got)
    crc = ::crc32(crc, bytes.data(), static_cast<uInt>(got));
  return static_cast<std::uint32_t>(crc);
}

Fd open_directory(const fs::path& path) { return Fd{::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)}; }

}  // namespace

ModuleFiles::ModuleFiles(pid_t pid, fs::path root)
    : pid_(pid), root_(std::move(root)), own_root_(open_directory(root_)) {
  if (pid_ == 0) return;
  const fs::path process = root_ / "proc" / std::to_string(pid_);
  target_root_ = open_directory(process / "root");
  executable_ = Fd{::open((process / "exe").c_str(), O_PATH | O_CLOEXEC)};
  std::error_code unreadable;
  executable_path_ = fs::read_symlink(process / "exe", unreadable).string();
  constexpr std::string_view kDeleted = " (deleted)";
  if (executable_path_.ends_with(kDeleted)) executable_path_.resize(executable_path_.size() - kDeleted.size());
}

Result<Fd> ModuleFiles::open(const std::string& module) const {
  if (!module.starts_with('/')) return fail(0, module + ": not a file");
  if (executable_ && module == executable_path_) return open_regular(executable_, module);
  if (pid_ != 0) {
    // The path may lead to a newer file by now. While the target lives, the kernel knows which one it has mapped.
    const auto mappings = process::Mappings::read(pid_, root_);
    if (mappings) {
      const auto mapping = std::ranges::find(mappings->all(), module, &process::Mapping::path);
      if (mapping != mappings->all().end() && mapping->deleted) {
        const fs::path link = root_ / "proc" / std::to_string(pid_) / "map_files" / range_name(*mapping);
        const Fd located{::open(link.c_str(), O_PATH | O_CLOEXEC)};
        return open_regular(located, module + " (deleted or replaced while it runs)");
      }
    }
  }
  return open_regular(locate_below(target_root_ ? target_root_ : own_root_, module), module);
}

std::optional<std::uint64_t> ModuleFiles::address_of(const std::string& module, std::uint64_t offset) const {
  if (pid_ == 0) return std::nullopt;
  const auto mappings = process::Mappings::read(pid_, root_);
  if (!mappings) return std::nullopt;
  for (const process::Mapping& mapping : mappings->all())
    if (mapping.path == module && offset >= mapping.offset && offset - mapping.offset < mapping.end - mapping.start)
      return mapping.start + (offset - mapping.offset);
  return std::nullopt;
}

Result<Fd> ModuleFiles::open_debug_link(const std::string& module, const std::string& name, std::uint32_t crc) const {
  const std::string directory = fs::path(module).parent_path().string();
  for (const std::string& path :
       {directory + "/" + name, directory + "/.debug/" + name, "/usr/lib/debug" + directory + "/" + name}) {
    auto file = open_regular(locate_below(target_root_ ? target_root_ : own_root_, path), path);
    if (file && crc_of(*file) == crc) return file;
  }
  return fail(0, "no debug file " + name);
}

Result<Fd> ModuleFiles::open_perf_map() const {
  if (pid_ == 0) return fail(0, "no process");
  const fs::path process = root_ / "proc" / std::to_string(pid_);
  const auto status = process::read_text(process / "status", 64 * 1024);
  if (!status) return std::unexpected(status.error());
  // The target calls itself by its number in the innermost namespace.
  std::string number = std::to_string(pid_);
  const std::size_t line = status->find("\nNSpid:");
  if (line != std::string::npos) {
    const std::string_view rest = std::string_view(*status).substr(line + 1, status->find('\n', line + 1) - line - 1);
    const std::size_t last = rest.find_last_of(" \t");
    if (last != std::string_view::npos) number = rest.substr(last + 1);
  }
  const std::string path = "/tmp/perf-" + number + ".map";
  auto file = open_regular(locate_below(target_root_ ? target_root_ : own_root_, path), path);
  struct stat map{}, owner{};
  if (file && (::fstat(file->get(), &map) != 0 || ::stat(process.c_str(), &owner) != 0 ||
               (map.st_uid != owner.st_uid && map.st_uid != 0)))
    return fail(0, path + " belongs to somebody else");
  return file;
}

Result<Fd> ModuleFiles::open_jit_dump() const {
  if (pid_ == 0) return fail(0, "no process");
  const auto mappings = process::Mappings::read(pid_, root_);
  if (!mappings) return std::unexpected(mappings.error());
  for (const process::Mapping& mapping : mappings->all()) {
    const std::string name = mapping.path.substr(mapping.path.rfind('/') + 1);
    if (name.starts_with("jit-") && name.ends_with(".dump")) return open(mapping.path);
  }
  return fail(0, "no jitdump");
}

Result<Fd> ModuleFiles::open_debug_file(const std::string& build_id) const {
  if (build_id.size() < 4) return fail(0, "no build-id");
  const std::string path = "/usr/lib/debug/.build-id/" + build_id.substr(0, 2) + "/" + build_id.substr(2) + ".debug";
  if (target_root_)
    if (auto file = open_regular(locate_below(target_root_, path), path)) return file;
  return open_regular(locate_below(own_root_, path), path);
}

}  // namespace fanlight::symbols
