#include "collector/inprocess/thread_ids.hpp"

#include <charconv>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace fanlight::inprocess {
namespace {

constexpr std::string_view kField = "NSpid:";

/// The last number of the line "NSpid: outer … inner"; empty when there is no such line. Source: proc(5).
std::optional<std::uint32_t> innermost_id(const std::filesystem::path& status) {
  std::ifstream file(status);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(kField)) continue;
    const std::size_t last = line.find_last_of(" \t");
    std::uint32_t id = 0;
    const char* const end = line.data() + line.size();
    if (const auto [stop, error] = std::from_chars(line.data() + last + 1, end, id);
        error == std::errc() && stop == end)
      return id;
    return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

ThreadIds::ThreadIds(pid_t pid, std::filesystem::path root) : pid_(pid), root_(std::move(root)) {
  const auto inner = innermost_id(root_ / "proc" / std::to_string(pid_) / "status");
  same_namespace_ = !inner || *inner == static_cast<std::uint32_t>(pid_);
}

void ThreadIds::refresh() {
  may_refresh_ = false;
  // Threads that ended stay known while their records are read, but not for ever.
  constexpr std::size_t kEnough = 65536;
  if (outer_.size() > kEnough) outer_.clear();
  std::error_code error;
  std::filesystem::directory_iterator task(root_ / "proc" / std::to_string(pid_) / "task", error);
  for (; !error && task != std::filesystem::directory_iterator(); task.increment(error)) {
    const std::string name = task->path().filename();
    pid_t outer = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), outer).ec != std::errc()) continue;
    if (const auto inner = innermost_id(task->path() / "status")) outer_[*inner] = outer;
  }
}

pid_t ThreadIds::translate(std::uint32_t inner) {
  if (same_namespace_) return static_cast<pid_t>(inner);
  auto known = outer_.find(inner);
  if (known == outer_.end() && may_refresh_) {
    refresh();
    known = outer_.find(inner);
  }
  return known == outer_.end() ? pid_ : known->second;
}

}  // namespace fanlight::inprocess
