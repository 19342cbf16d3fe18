/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What our programs cost, by their own clock. In: when a run began. Out: sums over one run in so many. The kernel's own
 * statistics need CAP_SYS_ADMIN and read the clock twice in every run, which is more than most runs take. */
#ifndef FANLIGHT_SELF_TIME_BPF_H
#define FANLIGHT_SELF_TIME_BPF_H

#include "bpf/target.bpf.h"

#include "bpf/events.h"

extern struct fanlight_self_time self_times[FANLIGHT_TIMED_PROGRAMS];
extern const volatile __u8 self_timed;

/* `began` 0: this run is not to be timed. */
static __always_inline void time_run(enum fanlight_timed program, __u64 began)
{
	if (!self_timed || !began)
		return;
	__u64 took = bpf_ktime_get_ns() - began;
	__sync_fetch_and_add(&self_times[program].runs, 1);
	__sync_fetch_and_add(&self_times[program].ns, took);
}

/* The low bits of a clock that counts ns are as good as dice. */
static __always_inline void time_some_runs(enum fanlight_timed program, __u64 began)
{
	if (!(began & (FANLIGHT_TIMED_ONE_IN - 1)))
		time_run(program, began);
}

#endif
