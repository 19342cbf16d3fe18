// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* Where waits for futexes are counted; the scheduler programs do the counting. */
#include "bpf/locks.bpf.h"

struct lock_table locks SEC(".maps");
struct empty_lock no_lock SEC(".maps");
