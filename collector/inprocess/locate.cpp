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

bool is_refusal(int error) { return error == EACCES || error == EPERM; }

struct Search {
  std::vector<Fd> found;
  int unseen = 0;    // errno: a link or the mappings were refused, so it may be there
  int unopened = 0;  // errno: it is there, and opening it was refused
};

/// Only what the link itself calls a memfd is opened: opening a device or a pipe of the target could have effects.
void open_if_named(const std::filesystem::path& path, Search& search) {
  char link[PATH_MAX];
  const ssize_t length = ::readlink(path.c_str(), link, sizeof link);
  if (length < 0 && is_refusal(errno)) search.unseen = errno;
  if (length <= 0 || !names_it({link, static_cast<std::size_t>(length)})) return;
  // The descriptor's number may have been reused since; the caller checks what it got.
  if (Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)); file)
    search.found.push_back(std::move(file));
  else if (is_refusal(errno))
    search.unopened = errno;
}

void locate_mapped(const std::filesystem::path& process, Search& search) {
  errno = 0;
  std::ifstream maps(process / "maps");
  if (!maps && is_refusal(errno)) search.unseen = errno;
  for (std::string line; search.found.size() < kMaxCandidates && std::getline(maps, line);) {
    if (line.find(kTarget) == std::string::npos) continue;
    open_if_named(process / "map_files" / line.substr(0, line.find(' ')), search);
  }
}

std::unexpected<Error> not_permitted(int error, pid_t pid) {
  return fail(error, "descriptors of process " + std::to_string(pid) + ": reading them needs CAP_SYS_PTRACE",
              "run with sudo; in a container start it with --cap-add SYS_PTRACE --pid=host");
}

}  // namespace

Result<std::vector<Fd>> locate(pid_t pid, const std::filesystem::path& root) {
  const std::filesystem::path process = root / "proc" / std::to_string(pid);
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir((process / "fd").c_str()));
  if (!directory) {
    const int error = errno;
    if (is_refusal(error)) return not_permitted(error, pid);
    return fail(error == ENOENT ? ESRCH : error, "descriptors of process " + std::to_string(pid),
                "check the pid: ps -p " + std::to_string(pid));
  }
  Search search;
  while (search.found.size() < kMaxCandidates) {
    const dirent* const entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    if (entry->d_name[0] != '.') open_if_named(process / "fd" / entry->d_name, search);
  }
  if (search.found.empty()) locate_mapped(process, search);
  if (!search.found.empty()) return std::move(search.found);
  if (search.unopened != 0)
    return fail(search.unopened, "open the shared memory of process " + std::to_string(pid),
                "run as the target's user or with sudo; memory whose descriptor the target closed takes "
                "CAP_CHECKPOINT_RESTORE: in a container --cap-add CHECKPOINT_RESTORE");
  if (search.unseen != 0) return not_permitted(search.unseen, pid);
  return fail(ENOENT, "process " + std::to_string(pid) + " publishes nothing in shared memory",
              "link fanlight::inprocess into the target and call fanlight::inprocess::start()");
}

}  // namespace fanlight::inprocess
