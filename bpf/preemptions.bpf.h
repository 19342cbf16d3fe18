/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Who takes a thread's CPU, and for how long it then waits. In: a thread that is put off its CPU, and the same thread when
 * it is back. Out: counts that user space reads. */
#ifndef FANLIGHT_PREEMPTIONS_BPF_H
#define FANLIGHT_PREEMPTIONS_BPF_H

#include "bpf/threads.bpf.h"

struct preemption_table {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2048); /* there from the start: memory cannot always be had under the scheduler's locks */
	__type(key, struct fanlight_preemption_key);
	__type(value, struct fanlight_preemption);
};
extern struct preemption_table preemptions SEC(".maps");

static __always_inline void begin_preemption(struct thread *thread, struct task_struct *by)
{
	/* What an earlier name left behind its end would make another key of the same name. */
	__builtin_memset(thread->preempted_by, 0, sizeof(thread->preempted_by));
	bpf_probe_read_kernel_str(thread->preempted_by, sizeof(thread->preempted_by), by->comm);
}

static __always_inline void end_preemption(struct thread *thread, __u64 now)
{
	__u64 since = thread->position >> REASON_BITS;
	__u64 waited = now > since ? now - since : 0;
	struct fanlight_preemption_key key = {.tid = thread->totals.tid};

	__builtin_memcpy(key.by, thread->preempted_by, sizeof(key.by));
	thread->preempted_by[0] = 0;
	if (reason_now(thread) != FANLIGHT_RUNNABLE_PREEMPTED)
		return;
	struct fanlight_preemption *counts = bpf_map_lookup_elem(&preemptions, &key);
	if (counts) {
		/* The tid is in the key: nobody else counts here. */
		counts->count++;
		counts->ns += waited;
		return;
	}
	struct fanlight_preemption first = {.count = 1, .ns = waited};
	if (bpf_map_update_elem(&preemptions, &key, &first, BPF_NOEXIST))
		__sync_fetch_and_add(&misses.preemption_table_full, 1);
}

#endif
