/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Every change of state, one by one. In: a thread and what becomes of it. Out: a record of 24 bytes in the ring of this
 * CPU, which overwrites its oldest; user space reads it where it lies. Flows only while somebody asks for it. */
#ifndef FANLIGHT_TIMELINE_BPF_H
#define FANLIGHT_TIMELINE_BPF_H

#include "bpf/threads.bpf.h"

struct timeline_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* user space sets it to the number of CPUs */
	__type(key, __u32);
	__type(value, struct fanlight_timeline);
};
extern struct timeline_map timeline SEC(".maps");
extern __u32 timeline_on;

/* Its callers run with interrupts off, so nobody else writes to this CPU's ring meanwhile. */
static __always_inline void note_event(const struct thread *thread, enum fanlight_timeline_kind kind, __u32 reason,
				       __u32 other, __u64 now)
{
	if (!*(volatile __u32 *)&timeline_on)
		return;
	__u32 cpu = bpf_get_smp_processor_id();
	struct fanlight_timeline *ring = bpf_map_lookup_elem(&timeline, &cpu);
	if (!ring)
		return;
	__u64 head = ring->head;
	struct fanlight_timeline_record *record = &ring->at[head & (FANLIGHT_TIMELINE_RECORDS - 1)];
	record->time_ns = now;
	record->tid = thread->totals.tid;
	record->other = other;
	record->kind = kind;
	record->reason = reason;
	record->cpu = cpu;
	record->unused = 0;
	barrier();
	*(volatile __u64 *)&ring->head = head + 1;
}

#endif
