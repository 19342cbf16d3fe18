// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* What all programs share on the way out: the rings and the accounts. */
#include "bpf/emit.bpf.h"
#include "bpf/self_time.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct ring_map samples SEC(".maps");
/* Apart, so that a burst of samples never costs a thread its totals. */
struct ring_map thread_ends SEC(".maps");

struct fanlight_account accounts[FANLIGHT_SOURCES];
struct fanlight_misses misses;
const volatile __u64 wake_bytes = 0;
struct fanlight_self_time self_times[FANLIGHT_TIMED_PROGRAMS];
const volatile __u8 self_timed = false;
