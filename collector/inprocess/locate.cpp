#include "collector/inprocess/locate.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include "collector/inprocess/layout.h"

namespace fanlight::inprocess {
namespace {

constexpr std::string_view kTarget = "/memfd:" FANLIGHT_INPROCESS_NAME;
// A process may name as many memfds like this as it likes.
constexpr std::size_t kMaxCandidates = 16;

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

bool names_it(std::string_view link) { return link == kTarget || link == std::string(kTarget) + " (deleted)"; }

/// Only what the link itself calls a memfd is opened: opening a device or a pipe of the target could have effects.
void open_if_named(const std::filesystem::path& path, std::vector<Fd>& found) {
  char link[PATH_MAX];
  const ssize_t length = ::readlink(path.c_str(), link, sizeof link);
  if (length <= 0 || !names_it({link, static_cast<std::size_t>(length)})) return;
  // The descriptor's number may have been reused since; the caller checks what it got.
  if (Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)); file)
    found.push_back(std::move(file));
}

void locate_mapped(const std::filesystem::path& process, std::vector<Fd>& found) {
  std::ifstream maps(process / "maps");
  for (std::string line; found.size() < kMaxCandidates && std::getline(maps, line);) {
    if (line.find(kTarget) == std::string::npos) continue;
    open_if_named(process / "map_files" / line.substr(0, line.find(' ')), found);
  }
}

}  // namespace

Result<std::vector<Fd>> locate(pid_t pid, const std::filesystem::path& root) {
  const std::filesystem::path process = root / "proc" / std::to_string(pid);
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir((process / "fd").c_str()));
  if (!directory) {
    if (errno == ENOENT)
      return fail(ESRCH, "descriptors of process " + std::to_string(pid),
                  "check the pid: ps -p " + std::to_string(pid));
    return fail(errno, "descriptors of process " + std::to_string(pid),
                "grant CAP_SYS_PTRACE, or run as the target's user or with sudo");
  }
  std::vector<Fd> found;
  while (found.size() < kMaxCandidates) {
    const dirent* const entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    if (entry->d_name[0] != '.') open_if_named(process / "fd" / entry->d_name, found);
  }
  if (found.empty()) locate_mapped(process, found);
  if (found.empty())
    return fail(ENOENT, "process " + std::to_string(pid) + " publishes nothing in shared memory",
                "link fanlight::inprocess into the target and call fanlight::inprocess::start()");
  return found;
}

}  // namespace fanlight::inprocess
