#include "collector/kernel/perf_events.hpp"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "core/fd.hpp"

namespace fanlight::kernel {

Result<std::vector<LinkPtr>> attach_to_cpus(bpf_program* program, std::uint64_t period_ns) {
  perf_event_attr attr{};
  attr.size = sizeof attr;
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_CPU_CLOCK;
  attr.sample_period = period_ns;
  attr.exclude_idle = 1;
  std::vector<LinkPtr> links;
  int error = ENODEV;
  const int cpus = libbpf_num_possible_cpus();
  for (int cpu = 0; cpu < cpus; ++cpu) {
    Fd event{static_cast<int>(::syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC))};
    if (!event) {
      if (errno == ENODEV) continue;  // offline
      return fail(errno, "open the sampling timer of CPU " + std::to_string(cpu));
    }
    LinkPtr link{bpf_program__attach_perf_event(program, event.get())};
    if (!link) return fail(errno, "attach the sampling timer of CPU " + std::to_string(cpu));
    event.release();  // the link closes it
    links.push_back(std::move(link));
    error = 0;
  }
  if (error != 0) return fail(error, "open sampling timers");
  return links;
}

}  // namespace fanlight::kernel
