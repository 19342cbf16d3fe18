// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* Where time goes that is not spent on a CPU, where no iterator may read stacks from outside: of some threads that leave
 * their CPU the stack is taken there, and when they come back that stack is told how long it stood for. The target pays for
 * it, and a wait that outlasts the run is never told of. Attached behind fl_switch, whose account of both threads it reads. */
#include "bpf/emit.bpf.h"
#include "bpf/reason.bpf.h"
#include "bpf/threads.bpf.h"

#define SWITCH_OWN_FRAMES 2 /* this program and what ran it */

struct scratch_map switch_scratch SEC(".maps");
/* One switch in so many is sampled, a power of two; user space sets it by their number. */
__u32 switch_one_in = 1;

static __always_inline void leave(void *ctx, struct task_struct *task)
{
	struct thread *thread = known_thread(task);

	if (!thread)
		return;
	thread->away_since_ns = 0;
	__u32 one_in = *(volatile __u32 *)&switch_one_in;
	__u32 reason = reason_now(thread);
	if (roll(thread) & (one_in - 1) || reason == FANLIGHT_RUNNING || state_of(task) & TASK_DEAD)
		return;
	struct sample_room *room = room_in(&switch_scratch);
	if (!room)
		return;
	struct fanlight_sample *sample = &room->sample;
	sample->time_ns = thread->position >> REASON_BITS;
	sample->weight = reason == FANLIGHT_BLOCKED_FUTEX ? thread->lock : 0;
	sample->count = 0;
	sample->tid = thread->totals.tid;
	sample->pid = thread->totals.pid;
	sample->reason = reason;
	take_stacks(ctx, room, FANLIGHT_SOURCE_BLOCKED, SWITCH_OWN_FRAMES);
	sample->flags |= FANLIGHT_WAIT_BEGINS;
	if (!emit_sample(FANLIGHT_SOURCE_BLOCKED, sample))
		return;
	thread->away_since_ns = sample->time_ns;
	thread->away_reason = reason;
	thread->away_one_in = one_in;
}

static __always_inline void tell(struct thread *thread, struct fanlight_sample *sample, __u32 reason, __u64 ns)
{
	if (!ns)
		return;
	sample->reason = reason;
	sample->weight = ns * thread->away_one_in;
	emit_sample(FANLIGHT_SOURCE_BLOCKED, sample);
}

static __always_inline void come_back(struct task_struct *task)
{
	struct thread *thread = known_thread(task);

	if (!thread || !thread->away_since_ns)
		return;
	struct sample_room *room = room_in(&switch_scratch);
	if (!room)
		return;
	struct fanlight_sample *sample = &room->sample;
	__u64 now = thread->position >> REASON_BITS;
	__u64 since = thread->away_since_ns;
	__u64 runnable = fanlight_is_blocked(thread->away_reason) ? thread->runnable_ns : now;
	if (runnable < since)
		runnable = since;
	if (runnable > now)
		runnable = now;
	thread->away_since_ns = 0;
	sample->time_ns = now;
	sample->count = thread->away_one_in;
	sample->tid = thread->totals.tid;
	sample->pid = thread->totals.pid;
	sample->flags = FANLIGHT_SAME_STACK;
	sample->kernel_frames = 0;
	sample->user_frames = 0;
	sample->stop = FANLIGHT_STOP_NO_STACK;
	sample->trace_id[0] = thread->labels_known ? thread->trace_id[0] : 0;
	sample->trace_id[1] = thread->labels_known ? thread->trace_id[1] : 0;
	sample->span_id = thread->labels_known ? thread->span_id : 0;
	sample->labels = thread->labels_known ? thread->labels : 0;
	tell(thread, sample, thread->away_reason, runnable - since);
	tell(thread, sample, FANLIGHT_RUNNABLE_QUEUED, now - runnable);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(fl_switch_out, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	if (is_watched(prev))
		leave(ctx, prev);
	if (is_watched(next))
		come_back(next);
	return 0;
}
