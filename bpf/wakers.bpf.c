// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* What the taking of wakers' stacks needs; the scheduler programs take them. */
#include "bpf/wakers.bpf.h"

struct scratch_map waker_scratch SEC(".maps");
__u32 wake_one_in = 64;
