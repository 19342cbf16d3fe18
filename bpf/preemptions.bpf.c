// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* Where preemptions are counted; the scheduler programs do the counting. */
#include "bpf/preemptions.bpf.h"

struct preemption_table preemptions SEC(".maps");
