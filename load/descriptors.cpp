#include "load/descriptors.hpp"

#include <sys/resource.h>

#include <cerrno>
#include <string>

namespace fanlight::load {

std::uint64_t most_sockets() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max <= kSpareDescriptors) return 0;
  return limit.rlim_max - kSpareDescriptors;
}

Result<> make_room_for(std::uint64_t sockets) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return fail(errno, "descriptor limit");
  const std::uint64_t needed = sockets + kSpareDescriptors;
  if (needed > limit.rlim_max)
    return fail(0,
                std::to_string(sockets) + " connections need " + std::to_string(needed) +
                    " descriptors, the hard limit is " + std::to_string(limit.rlim_max),
                limit.rlim_max > kSpareDescriptors
                    ? "ask for at most " + std::to_string(limit.rlim_max - kSpareDescriptors) +
                          " subscribers and publishers per process, use --workers or --fit, or raise it: ulimit -Hn"
                    : "raise it: ulimit -Hn");
  if (needed <= limit.rlim_cur) return {};
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return fail(errno, "raise the descriptor limit");
  return {};
}

}  // namespace fanlight::load
