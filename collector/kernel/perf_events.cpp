#include "collector/kernel/perf_events.hpp"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>

#include "collector/kernel/capabilities.hpp"
#include "core/fd.hpp"

namespace fanlight::kernel {

Result<CpuEvents> CpuEvents::attach(bpf_program* program, CpuEvent what, std::uint64_t period) {
  perf_event_attr attr{};
  attr.size = sizeof attr;
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = what == CpuEvent::clock ? PERF_COUNT_SW_CPU_CLOCK : PERF_COUNT_SW_PAGE_FAULTS;
  attr.sample_period = period;
  attr.exclude_idle = what == CpuEvent::clock ? 1 : 0;
  CpuEvents made;
  int error = ENODEV;
  const int cpus = libbpf_num_possible_cpus();
  for (int cpu = 0; cpu < cpus; ++cpu) {
    Fd event{static_cast<int>(::syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC))};
    if (!event) {
      if (errno == ENODEV) continue;  // offline
      return fail(errno, "open the event of CPU " + std::to_string(cpu));
    }
    Fd own{::fcntl(event.get(), F_DUPFD_CLOEXEC, 0)};
    if (!own) return fail(errno, "keep the event of CPU " + std::to_string(cpu));
    LinkPtr link{bpf_program__attach_perf_event(program, event.get())};
    if (!link) return fail(errno, "attach to the event of CPU " + std::to_string(cpu));
    event.release();  // the link closes it
    made.links_.push_back(std::move(link));
    made.events_.push_back(std::move(own));
    error = 0;
  }
  if (error != 0) return fail(error, "open events");
  return made;
}

void CpuEvents::run(bool on) {
  for (const Fd& event : events_) ::ioctl(event.get(), on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0);
}

void CpuEvents::set_period(std::uint64_t period) {
  for (const Fd& event : events_) ::ioctl(event.get(), PERF_EVENT_IOC_PERIOD, &period);
}

std::string uprobe_refusal() {
  std::ifstream file("/sys/bus/event_source/devices/uprobe/type");
  std::uint32_t type = 0;
  if (!(file >> type)) return "the kernel has no uprobes: boot one built with CONFIG_UPROBE_EVENTS";
  perf_event_attr attr{};
  attr.size = sizeof attr;
  attr.type = type;
  // The permission is asked for before the path is looked at, and this path names no file.
  attr.uprobe_path = reinterpret_cast<std::uint64_t>("");
  const Fd event{static_cast<int>(::syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC))};
  const int error = errno;
  if (event || (error != EACCES && error != EPERM)) return {};
  const std::string refused = std::generic_category().message(error) + ": ";
  for (const Capability& capability : capabilities())
    if (capability.name == "CAP_SYS_ADMIN" && !capability.held)
      return refused + "to attach a uprobe, CAP_SYS_ADMIN is missing: " + how_to_grant({capability.name});
  return refused + "to attach a uprobe: " + how_to_grant({});
}

}  // namespace fanlight::kernel
