// Whose locks they are. In: samples of threads that wait for a futex, counts by address. Out: named rows of a slice.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "collector/kernel/reading.hpp"
#include "collector/profile/window.hpp"
#include "core/sample.hpp"

namespace fanlight::session {

/// What a thread that waits in such a stack waits for.
enum class Waiting : std::uint8_t { unknown, mutex, rwlock, condition, other };

/// Read off the functions of the C library on top of it.
Waiting waiting_in(const profile::Tables& tables, profile::StackId stack);
/// The first function that is neither the kernel's nor the C or C++ library's: who takes the lock. Empty: none is
/// named.
std::string taker(const profile::Tables& tables, profile::StackId stack);

/// Remembers the stack that waits for each address most, and names the rows by it. A futex is shown as a lock when the
/// stack says so or, without a stack, when the call is FUTEX_WAIT: glibc waits so for a mutex, and by
/// FUTEX_WAIT_BITSET for conditions, semaphores, other threads' ends, and rwlocks, which only the stack tells apart.
/// Source: glibc 2.36, nptl/lowlevellock.c and nptl/futex-internal.c. Threads: one at a time.
class LockPlaces {
 public:
  void take(const RawSample& sample, profile::StackId stack);
  /// What was added to each lock since the last call, by address. `threads`: names of holders.
  std::vector<profile::Lock> growth(const std::vector<kernel::LockReading>& now,
                                    const std::vector<kernel::ThreadReading>& threads, const profile::Tables& tables);

 private:
  struct Place {
    profile::StackId stack = 0;
    std::uint64_t votes = 0;  // for `stack`, by majority
  };
  std::map<std::uint64_t, Place> places_;
  std::map<std::uint64_t, kernel::LockReading> before_;
};

}  // namespace fanlight::session
