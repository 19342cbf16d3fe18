// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* Where CPU time goes: one timer per CPU, and here only the target's threads pass. One event per thread would do the
 * same, but each switch then reprograms a timer, which was seen to cost a busy target 15 %. */
#include "bpf/emit.bpf.h"
#include "bpf/threads.bpf.h"

struct scratch_map cpu_scratch SEC(".maps");
const volatile __u64 sample_period_ns = 0;
const volatile __u8 have_threads = false; /* the scheduler programs run, so every thread of the target is known */

SEC("perf_event")
int fl_cpu(void *ctx)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();

	if (!by_record && !has_target_tgid(task))
		return 0;
	/* Looked up, never made: this may interrupt the allocator. */
	struct thread *thread = have_threads ? known_thread(task) : NULL;
	if (by_record && !thread)
		return 0;
	if (have_threads && !thread) {
		__sync_fetch_and_add(&misses.unknown_thread, 1);
		return 0;
	}
	struct sample_room *room = room_in(&cpu_scratch);
	if (!room)
		return 0;
	struct fanlight_sample *sample = &room->sample;
	sample->time_ns = bpf_ktime_get_ns();
	sample->weight = sample_period_ns;
	sample->count = 1;
	/* Between the making of its record and the naming of it, a thread has no number there yet. */
	sample->tid = thread && thread->totals.tid ? thread->totals.tid : tid_of(task);
	sample->pid = thread ? thread->totals.pid : 0;
	sample->reason = FANLIGHT_RUNNING;
	take_stacks(ctx, room, FANLIGHT_SOURCE_CPU, 0);
	emit_sample(FANLIGHT_SOURCE_CPU, sample);
	return 0;
}
