#include "collector/process/find.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>

#include "collector/process/proc_text.hpp"

namespace fanlight::process {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxCommBytes = 256;
constexpr std::size_t kMaxProcsBytes = std::size_t{16} << 20;

Result<> add_processes(const fs::path& cgroup, std::vector<pid_t>& into) {
  const auto text = read_text(cgroup / "cgroup.procs", kMaxProcsBytes);
  if (!text) return within(cgroup.string(), text.error());
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (const auto pid = parse_number<pid_t>(rest.substr(0, end)); pid && *pid > 0) into.push_back(*pid);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return {};
}

}  // namespace

std::vector<pid_t> processes_named(const std::string& name, const fs::path& root) {
  std::vector<pid_t> pids;
  std::error_code error;
  for (fs::directory_iterator entry(root / "proc", error), end; !error && entry != end; entry.increment(error)) {
    const auto pid = parse_number<pid_t>(entry->path().filename().string());
    if (!pid || *pid == ::getpid()) continue;
    const auto comm = read_text(entry->path() / "comm", kMaxCommBytes);
    if (comm && *comm == name + "\n") pids.push_back(*pid);
  }
  std::ranges::sort(pids);
  return pids;
}

Result<fs::path> cgroup_directory(const std::string& name, const fs::path& root) {
  std::vector<fs::path> candidates{fs::path(name)};
  const fs::path mounted = root / "sys/fs/cgroup";
  const std::string below = name.substr(std::min(name.find_first_not_of('/'), name.size()));
  candidates.push_back(mounted / below);
  std::error_code error;
  for (fs::directory_iterator entry(mounted, error), end; !error && entry != end; entry.increment(error))
    candidates.push_back(entry->path() / below);
  for (const fs::path& candidate : candidates)
    if (std::error_code none; !below.empty() && fs::exists(candidate / "cgroup.procs", none)) return candidate;
  return fail(ENOENT, "cgroup '" + name + "'", "give its directory; cat /proc/PID/cgroup tells a process's own");
}

Result<std::vector<pid_t>> processes_in(const fs::path& cgroup) {
  std::vector<pid_t> pids;
  if (const auto done = add_processes(cgroup, pids); !done) return std::unexpected(done.error());
  std::error_code error;
  for (fs::recursive_directory_iterator entry(cgroup, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code none;
    // One that is removed meanwhile has no processes.
    if (entry->is_directory(none)) (void)add_processes(entry->path(), pids);
  }
  std::ranges::sort(pids);
  pids.erase(std::ranges::unique(pids).begin(), pids.end());
  return pids;
}

}  // namespace fanlight::process
