// Programs in small: each leads into one kind of code and asks to be looked at there.
#pragma once

namespace fanlight::unwind::testing {

/// Raises SIGUSR1 in the calling thread; the test's handler takes the stack.
void look();

struct Scenario {
  const char* name;
  void (*run)();
};

/// Ends of stacks: `run` in a thread of its own reaches clone3, or main's _start.
extern const Scenario kScenarios[];
extern const unsigned kScenarioCount;

/// Blocks in libc or libstdc++ until `stop_blocking`.
extern const Scenario kBlocked[];
extern const unsigned kBlockedCount;
void stop_blocking();

/// Work of all kinds, through libc, libm and libstdc++, until `stop` is set. Returns how many rounds it did.
unsigned long mixed_work(const volatile bool& stop);

/// Calls itself `depth` times, then looks.
void recurse(int depth);

/// Calls itself `depth` times, then waits or works until `stop` is set.
void wait_deep(int depth, const volatile bool& stop);
void work_deep(int depth, const volatile bool& stop);

}  // namespace fanlight::unwind::testing
