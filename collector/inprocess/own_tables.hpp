// Unwind tables of this very process, for the signal handler. In: what is loaded. Out: a walk by bpf/unwind.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bpf/unwind_tables.h"
#include "collector/inprocess/frame_walk.hpp"

namespace fanlight::inprocess {

/// Makes the tables of what is loaded, in memory of their own, about 4 % of the code's size; nothing where that memory
/// cannot be had. Code that is loaded later is taken in by calling again, which costs a look at the linker's list when
/// nothing has changed; what is unloaded is forgotten by the same call. Holds the dynamic linker's lock for one module
/// at a time. Threads: any. Cost: 0.7 ms per MB of code.
void update_own_tables();

/// Memory that the tables take.
std::size_t own_table_bytes();

struct OwnWalk {
  unsigned frames = 0;
  fanlight_unwind_stop stop = FANLIGHT_STOP_NOT;
};

/// As `walk_stack`, by the tables; each address has in its upper byte how it was found (enum fanlight_found). Nothing
/// is walked before `update_own_tables` was called, or when another thread has called it meanwhile and changed
/// something. Async-signal-safe, 0.5 KiB of stack. Cost: 0.1 us per frame.
OwnWalk walk_by_own_tables(const ucontext_t& context, std::uint64_t stack_begin, std::uint64_t stack_end,
                           __u64* addresses, unsigned room);

}  // namespace fanlight::inprocess
