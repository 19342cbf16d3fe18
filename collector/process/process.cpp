#include "collector/process/process.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

#include "collector/process/proc_text.hpp"

namespace fanlight::process {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxStatBytes = 16 * 1024;
constexpr std::size_t kMaxNameBytes = 64;  // TASK_COMM_LEN is 16; kernel workers print up to 64

/// The fields of /proc/PID/stat that are used here, by their numbers in proc_pid_stat(5).
struct Stat {
  std::string name;                // 2
  char state = '?';                // 3
  std::uint64_t minor_faults = 0;  // 10
  std::uint64_t major_faults = 0;  // 12
  std::uint64_t user_ticks = 0;    // 14
  std::uint64_t system_ticks = 0;  // 15
  std::uint64_t start_ticks = 0;   // 22
};

fs::path directory_of(pid_t pid, const fs::path& root) { return root / "proc" / std::to_string(pid); }

/// The name may hold spaces and parentheses of its own, so the numbers are counted from the last ')'.
Result<Stat> parse_stat(std::string_view text) {
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open)
    return fail(0, "a process status without a name");
  Stat stat;
  stat.name = printable(text.substr(open + 1, close - open - 1), kMaxNameBytes);
  std::string_view rest = text.substr(close + 1);
  for (int field = 3; field <= 22; ++field) {
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    const std::size_t end = std::min(rest.find_first_of(" \n"), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(end);
    if (word.empty()) return fail(0, "a process status of " + std::to_string(field - 1) + " fields");
    if (field == 3) stat.state = word.front();
    std::uint64_t* const into = field == 10   ? &stat.minor_faults
                                : field == 12 ? &stat.major_faults
                                : field == 14 ? &stat.user_ticks
                                : field == 15 ? &stat.system_ticks
                                : field == 22 ? &stat.start_ticks
                                              : nullptr;
    if (into == nullptr) continue;
    const auto number = parse_number<std::uint64_t>(word);
    if (!number) return fail(0, "field " + std::to_string(field) + " of a process status is no number");
    *into = *number;
  }
  return stat;
}

std::unexpected<Error> no_such_process(pid_t pid) {
  return fail(ESRCH, "process " + std::to_string(pid), "list processes by name with: pgrep -a NAME");
}

Result<Stat> read_stat(pid_t pid, const fs::path& root) {
  if (pid <= 0) return no_such_process(pid);
  const auto text = read_text(directory_of(pid, root) / "stat", kMaxStatBytes);
  if (!text) {
    if (text.error().code == ENOENT || text.error().code == ESRCH) return no_such_process(pid);
    return within("process " + std::to_string(pid), text.error());
  }
  auto stat = parse_stat(*text);
  if (!stat) return within("process " + std::to_string(pid), std::move(stat.error()));
  return stat;
}

/// The numbers that name the entries of a directory of /proc, in order. Errors: the directory cannot be read.
Result<std::vector<pid_t>> numbered_entries(const fs::path& directory) {
  std::vector<pid_t> numbers;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error))
    if (const auto number = parse_number<pid_t>(entry->path().filename().string())) numbers.push_back(*number);
  if (error) return fail(error.value(), directory.string());
  std::ranges::sort(numbers);
  return numbers;
}

/// A leader that ended before its other threads is shown as a zombie, too, while they run.
bool has_exited(const Stat& stat, pid_t pid, const fs::path& root) {
  if (stat.state == 'X') return true;
  if (stat.state != 'Z') return false;
  const auto left = threads(pid, root);
  return !left || left->size() <= 1;
}

/// /proc answers for a thread, too, although it does not list it. Where it tells nothing, `pid`.
pid_t process_of(pid_t pid, const fs::path& root) {
  const auto status = read_text(directory_of(pid, root) / "status", kMaxStatBytes);
  constexpr std::string_view kKey = "\nTgid:\t";
  const std::size_t at = status ? status->find(kKey) : std::string::npos;
  if (at == std::string::npos) return pid;
  const std::size_t from = at + kKey.size();
  return parse_number<pid_t>(std::string_view(*status).substr(from, status->find('\n', from) - from)).value_or(pid);
}

}  // namespace

Result<Process> describe(pid_t pid, const fs::path& root) {
  auto stat = read_stat(pid, root);
  if (!stat) return std::unexpected(std::move(stat.error()));
  if (has_exited(*stat, pid, root))
    return fail(0, "process " + std::to_string(pid) + " has already exited (zombie)",
                "its parent has not waited for it yet; ps -e -o pid,stat,comm shows what is running");
  if (const pid_t leader = process_of(pid, root); leader != pid)
    return fail(0, std::to_string(pid) + " is a thread of process " + std::to_string(leader),
                "watch the process: --pid " + std::to_string(leader));
  Process process{.pid = pid, .name = std::move(stat->name), .start_ticks = stat->start_ticks};
  std::error_code unreadable;  // another user's process, or a kernel thread: the path stays empty
  process.executable = fs::read_symlink(directory_of(pid, root) / "exe", unreadable).string();
  constexpr std::string_view kDeleted = " (deleted)";
  if (process.executable.ends_with(kDeleted)) process.executable.resize(process.executable.size() - kDeleted.size());
  return process;
}

Result<std::vector<ThreadName>> threads(pid_t pid, const fs::path& root) {
  if (pid <= 0) return no_such_process(pid);
  const fs::path directory = directory_of(pid, root) / "task";
  const auto tids = numbered_entries(directory);
  if (!tids) {
    if (tids.error().code == ENOENT || tids.error().code == ESRCH) return no_such_process(pid);
    return within("list threads", tids.error());
  }
  std::vector<ThreadName> result;
  result.reserve(tids->size());
  for (const pid_t tid : *tids) {
    const auto name = read_text(directory / std::to_string(tid) / "comm", kMaxStatBytes);
    if (!name) continue;  // it has ended since the directory was read
    std::string_view text = *name;
    if (text.ends_with('\n')) text.remove_suffix(1);
    result.push_back({tid, printable(text, kMaxNameBytes)});
  }
  return result;
}

bool alive(const Process& process, const fs::path& root) {
  const auto stat = read_stat(process.pid, root);
  return stat && stat->start_ticks == process.start_ticks && !has_exited(*stat, process.pid, root);
}

std::vector<std::uint32_t> bpf_maps(pid_t pid, const fs::path& root) {
  const fs::path directory = directory_of(pid, root) / "fdinfo";
  std::vector<std::uint32_t> ids;
  const auto descriptors = numbered_entries(directory);
  if (!descriptors) return ids;
  for (const pid_t descriptor : *descriptors) {
    // An eventpoll prints a line per descriptor it watches, so these files can be long; a map's own is short.
    const auto info = read_text(directory / std::to_string(descriptor), kMaxStatBytes);
    if (!info) continue;
    constexpr std::string_view kKey = "\nmap_id:";
    const std::size_t key = info->find(kKey);
    if (key == std::string::npos) continue;
    std::string_view value = std::string_view(*info).substr(key + kKey.size());
    value = value.substr(0, value.find('\n'));
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    if (const auto id = parse_number<std::uint32_t>(value)) ids.push_back(*id);
  }
  std::ranges::sort(ids);
  ids.erase(std::ranges::unique(ids).begin(), ids.end());
  return ids;
}

Result<PageFaults> page_faults(pid_t pid, const fs::path& root) {
  const auto stat = read_stat(pid, root);
  if (!stat) return std::unexpected(stat.error());
  return PageFaults{.minor = stat->minor_faults, .major = stat->major_faults};
}

Result<Usage> usage(pid_t pid, const fs::path& root) {
  const auto stat = read_stat(pid, root);
  if (!stat) return std::unexpected(stat.error());
  const auto memory = read_text(directory_of(pid, root) / "statm", kMaxStatBytes);
  if (!memory) return within("process " + std::to_string(pid), memory.error());
  const std::size_t space = memory->find(' ');
  const std::string_view rest = space == std::string::npos ? "" : std::string_view(*memory).substr(space + 1);
  const auto pages = parse_number<std::uint64_t>(rest.substr(0, rest.find(' ')));
  if (!pages) return fail(0, "process " + std::to_string(pid) + ": statm without a resident size");
  const auto ns_per_tick = 1'000'000'000u / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  return Usage{.cpu_ns = (stat->user_ticks + stat->system_ticks) * ns_per_tick,
               .resident_bytes = *pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))};
}

}  // namespace fanlight::process
