#include "collector/session/own_cost.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

namespace fanlight::session {

OwnUsage own_usage() {
  OwnUsage usage;
  struct rusage spent{};
  if (::getrusage(RUSAGE_SELF, &spent) == 0) {
    const auto ns = [](const timeval& time) {
      return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u +
             static_cast<std::uint64_t>(time.tv_usec) * 1000u;
    };
    usage.cpu_ns = ns(spent.ru_utime) + ns(spent.ru_stime);
  }
  std::uint64_t size = 0, resident = 0;
  if (std::ifstream("/proc/self/statm") >> size >> resident) {
    usage.resident_bytes = resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  return usage;
}

}  // namespace fanlight::session
