// What others than the collector say of a target: /proc, and the clock of the test. In: a pid. Out: lives and busy
// time.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace fanlight::testing {

/// CLOCK_MONOTONIC, which is what recordings tell time in.
inline double monotonic_now_ns() {
  return static_cast<double>(std::chrono::steady_clock::now().time_since_epoch().count());
}

/// When a thread began, by CLOCK_MONOTONIC, a clock tick too early at most; nothing when there is no such thread.
/// Source: proc_pid_stat(5), field 22, in ticks of CLOCK_BOOTTIME.
inline std::optional<double> started_ns(pid_t pid, pid_t tid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/task/" + std::to_string(tid) + "/stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(name_end + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;
  const auto ns = [](clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
  };
  const double asleep = ns(CLOCK_BOOTTIME) - ns(CLOCK_MONOTONIC);
  return std::stod(field) * 1e9 / static_cast<double>(::sysconf(_SC_CLK_TCK)) - asleep;
}

/// Watches how busy each thread is by the scheduler's own account, from construction until `stop`.
/// Source: Documentation/scheduler/sched-stats.rst, /proc/PID/schedstat: ns run, ns waited. The kernel sets the border
/// between the two elsewhere than we do, so only their sum is a witness.
class Witness {
 public:
  explicit Witness(pid_t pid) : pid_(pid), thread_([this](const std::stop_token& stop) { watch(stop); }) {}

  void stop() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
  }

  /// Running and runnable between two times; nothing for a thread that was not there at both. After `stop` only.
  std::optional<double> busy_ns(pid_t tid, double from_ns, double to_ns) const {
    const auto found = seen_.find(tid);
    if (found == seen_.end()) return std::nullopt;
    const auto from = at(found->second, from_ns), to = at(found->second, to_ns);
    if (!from || !to) return std::nullopt;
    return *to - *from;
  }
  pid_t pid() const { return pid_; }

 private:
  struct Account {
    double time_ns;
    double busy_ns;
  };

  void watch(const std::stop_token& stop) {
    for (bool last = false; !last; std::this_thread::sleep_for(std::chrono::milliseconds(10))) {
      last = stop.stop_requested();
      std::error_code gone;
      for (std::filesystem::directory_iterator entry("/proc/" + std::to_string(pid_) + "/task", gone), end;
           !gone && entry != end; entry.increment(gone)) {
        double ran = 0, waited = 0;
        if (std::ifstream(entry->path() / "schedstat") >> ran >> waited)
          seen_[std::stoi(entry->path().filename())].push_back({monotonic_now_ns(), ran + waited});
      }
    }
  }

  static std::optional<double> at(const std::vector<Account>& accounts, double time_ns) {
    const auto after = std::ranges::lower_bound(accounts, time_ns, {}, &Account::time_ns);
    if (after == accounts.begin() || after == accounts.end()) return std::nullopt;
    const auto before = std::prev(after);
    const double part = (time_ns - before->time_ns) / (after->time_ns - before->time_ns);
    return before->busy_ns + part * (after->busy_ns - before->busy_ns);
  }

  pid_t pid_;
  std::map<pid_t, std::vector<Account>> seen_;
  std::jthread thread_;  // last: it writes the above
};

}  // namespace fanlight::testing
