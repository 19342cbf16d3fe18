// The signal sampler. In: timers on each thread's CPU clock. Out: a stack per signal, in the thread's ring.
#pragma once

namespace fanlight::inprocess {

inline constexpr unsigned kMaxHz = 10'000;

/// Installs the SIGPROF handler for timers of `hz`. Returns 0 or an errno value: EBUSY when the program has its own.
int install_sampler(unsigned hz);

}  // namespace fanlight::inprocess
