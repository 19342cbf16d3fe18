#include "core/errno_name.hpp"

#include <cstring>

namespace fanlight {
namespace {

// Seen by tracepoints only: on its way to user space it becomes EINTR, or the call begins again.
// Source: include/linux/errno.h.
constexpr int kRestart = 512;

}  // namespace

std::string errno_name(int number) {
  if (number == kRestart) return "ERESTARTSYS";
  const char* name = number > 0 ? ::strerrorname_np(number) : nullptr;
  return name != nullptr ? name : "errno " + std::to_string(number);
}

}  // namespace fanlight
