// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* The rings of the timeline; the scheduler programs write to them. */
#include "bpf/timeline.bpf.h"

struct timeline_map timeline SEC(".maps");
__u32 timeline_on = 0;
