// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* Where the target touches memory for the first time: stacks of page faults. The kernel's own software event calls this at
 * each fault of any process, so it is on in windows only (collector/kernel/timing.hpp); how many faults there were in all
 * /proc tells. */
#include "bpf/emit.bpf.h"
#include "bpf/threads.bpf.h"

struct scratch_map fault_scratch SEC(".maps");
const volatile __u32 fault_windows = 1; /* the share of time that windows cover: one in so many */
__u32 fault_one_in = 1;                 /* of the faults in a window so many are sampled, a power of two; by user space */
__u64 faults_seen = 0;                  /* of the target, in windows */

SEC("perf_event")
int fl_fault(void *ctx)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();

	if (!is_watched(task))
		return 0;
	struct thread *thread = known_thread(task);
	if (!thread)
		return 0;
	__sync_fetch_and_add(&faults_seen, 1);
	__u32 one_in = *(volatile __u32 *)&fault_one_in;
	if (roll(thread) & (one_in - 1))
		return 0;
	struct sample_room *room = room_in(&fault_scratch);
	if (!room)
		return 0;
	struct fanlight_sample *sample = &room->sample;
	sample->time_ns = bpf_ktime_get_ns();
	sample->count = (__u64)one_in * fault_windows;
	sample->weight = sample->count;
	sample->tid = thread->totals.tid;
	sample->pid = thread->totals.pid;
	sample->reason = FANLIGHT_RUNNING;
	take_stacks(ctx, room, FANLIGHT_SOURCE_FAULT, 0);
	emit_sample(FANLIGHT_SOURCE_FAULT, sample);
	return 0;
}
