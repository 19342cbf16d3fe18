// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* Exact time per thread and reason. Every change of state passes one of these five points.
 *
 * Now and then one does not: on 6.18 the kernel puts a thread on a CPU without passing its own tracepoint. Two collectors on
 * one target missed the same 27 of 263,000 switches, by the nanosecond, with no recursion miss and no failed look-up, and
 * the kernel's count of time slices had them; it happens most, up to 1 in 200, where each wake-up moves a thread to an idle
 * CPU. A thread that leaves a CPU it never came to gives it away. How long it ran is then taken from the kernel's own count
 * of its CPU time, and the switch is counted as unseen.
 */
#include "bpf/emit.bpf.h"
#include "bpf/locks.bpf.h"
#include "bpf/preemptions.bpf.h"
#include "bpf/reason.bpf.h"
#include "bpf/self_time.bpf.h"
#include "bpf/threads.bpf.h"
#include "bpf/timeline.bpf.h"
#include "bpf/wakers.bpf.h"

/* How much of the open interval the thread has spent on a CPU. */
static __always_inline __u64 ran_meanwhile(struct task_struct *task, struct thread *thread, __u64 now)
{
	__u64 ran = cpu_time(task) - thread->cpu_ns;
	__u64 since = thread->position >> REASON_BITS;
	__u64 most = now > since ? now - since : 0;

	__sync_fetch_and_add(&misses.unseen_switches, 1);
	return ran < most ? ran : most;
}

/* It left its CPU unseen: it ran for as long as the kernel says, and has been in `reason` since. */
static __always_inline void left_unseen(struct task_struct *task, struct thread *thread, __u64 now, __u32 reason)
{
	__u64 ran = ran_meanwhile(task, thread, now);

	enter(thread, (thread->position >> REASON_BITS) + ran, reason);
	thread->cpu_ns = cpu_time(task);
}

struct label_scratch_map switch_labels SEC(".maps");

static long read_leaving(void *context, void *into, __u32 bytes, __u64 address)
{
	return bpf_probe_read_user(into, bytes, (void *)address);
}

static __always_inline bool same_labels(const struct fanlight_label_set *a, const struct fanlight_label_set *b)
{
	const __u64 *left = (const void *)a, *right = (const void *)b;
	__u64 differ = 0;

	for (unsigned int i = 0; i < sizeof(*a) / sizeof(*left); i++)
		differ |= left[i] ^ right[i];
	return !differ;
}

/* Where the thread counts time with that set. */
static __always_inline __u32 label_slot_of(struct thread *thread, __u32 labels)
{
	struct fanlight_thread *totals = &thread->totals;
	__u32 used = totals->label_slots;

	for (__u32 slot = 0; slot < FANLIGHT_LABEL_SLOTS - 1; slot++) {
		if (slot >= used) {
			thread->label_time[slot].labels = labels;
			totals->label_slots = slot + 1;
			return slot + 1;
		}
		if (thread->label_time[slot].labels == labels)
			return slot + 1;
	}
	__sync_fetch_and_add(&misses.label_slots_full, 1);
	thread->label_time[FANLIGHT_LABEL_SLOTS - 1].labels = FANLIGHT_LABELS_BEYOND;
	totals->label_slots = FANLIGHT_LABEL_SLOTS;
	return FANLIGHT_LABEL_SLOTS;
}

/* The thread is the one that runs, on its way out; until it comes back its labels stay what they are now. */
static __always_inline void note_labels(struct task_struct *task, struct thread *thread)
{
	__u32 zero = 0;

	if (!label_access.enabled || (by_record && thread->totals.pid != label_access.pid))
		return;
	struct label_room *room = bpf_map_lookup_elem(&switch_labels, &zero);
	if (!room)
		return;
	read_labels(read_leaving, NULL, task, room);
	thread->trace_id[0] = room->words[0];
	thread->trace_id[1] = room->words[1];
	thread->span_id = room->words[2];
	thread->labels_known = 1;
	if (!room->set.bytes) {
		thread->labels = 0;
		thread->label_slot = 0;
		return;
	}
	if (!thread->labels || !same_labels(&room->set, &thread->label_set)) {
		thread->labels = number_of_labels(&room->set);
		thread->label_set = room->set;
		thread->label_slot = 0;
	}
	if (!thread->label_slot)
		thread->label_slot = label_slot_of(thread, thread->labels);
}

static __always_inline void end_life(struct thread *thread, __u32 flags)
{
	struct fanlight_thread *totals = &thread->totals;

	if (!totals->from_ns)
		totals->from_ns = window_start_ns;
	totals->to_ns = thread->position >> REASON_BITS;
	totals->flags = flags;
	__u32 slots = totals->label_slots;
	if (slots > FANLIGHT_LABEL_SLOTS)
		slots = 0;
	emit(&thread_ends, FANLIGHT_SOURCE_THREAD_END, totals,
	     sizeof(*totals) + slots * sizeof(struct fanlight_label_time));
}

static __always_inline void leave_cpu(struct task_struct *task, struct task_struct *next, bool preempt, __u64 now)
{
	struct thread *thread = thread_of(task);
	if (!thread)
		return;
	assume(thread, FANLIGHT_RUNNING);

	/* Not the tracepoint's own prev_state: before 6.14 it still says "sleeping" of a thread that a pending signal kept
	 * on its run queue. */
	__u32 state = preempt ? 0 : state_of(task);
	__u32 reason = state		    ? blocked_reason(task, state, thread->last_block)
		       : is_throttled(task) ? FANLIGHT_RUNNABLE_THROTTLED
					    : FANLIGHT_RUNNABLE_PREEMPTED;

	begin_change(thread);
	if (reason_now(thread) != FANLIGHT_RUNNING)
		enter(thread, now - ran_meanwhile(task, thread, now), FANLIGHT_RUNNING);
	enter(thread, now, reason);
	if (!(state & TASK_DEAD))
		note_labels(task, thread);
	note_event(thread, state & TASK_DEAD ? FANLIGHT_TIMELINE_END : FANLIGHT_TIMELINE_STATE, reason, 0, now);
	thread->cpu_ns = cpu_time(task);
	if (state) {
		thread->last_block = reason;
		if (reason == FANLIGHT_BLOCKED_FUTEX || reason == FANLIGHT_BLOCKED_CONDITION)
			begin_futex_wait(task, thread, now);
		thread->totals.switches_voluntary++;
	} else {
		thread->runnable_ns = now;
		thread->totals.switches_preempted++;
		if (reason == FANLIGHT_RUNNABLE_PREEMPTED)
			begin_preemption(thread, next);
	}
	thread->last_cpu = bpf_get_smp_processor_id() + 1;
	end_change(thread);

	if (state & TASK_DEAD) {
		bpf_probe_read_kernel_str(thread->totals.name, sizeof(thread->totals.name), task->comm);
		end_life(thread, FANLIGHT_THREAD_ENDED);
	}
}

static __always_inline void enter_cpu(struct task_struct *task, __u64 now)
{
	struct thread *thread = thread_of(task);
	if (!thread)
		return;
	assume(thread, FANLIGHT_RUNNABLE_QUEUED);

	__u32 cpu = bpf_get_smp_processor_id() + 1;
	__u64 since = thread->position >> REASON_BITS;
	__u64 runnable = thread->runnable_ns ?: since;
	begin_change(thread);
	if (reason_now(thread) == FANLIGHT_RUNNING) {
		left_unseen(task, thread, now, FANLIGHT_RUNNABLE_PREEMPTED);
		runnable = thread->position >> REASON_BITS;
	}
	if (fanlight_is_blocked(reason_now(thread))) {
		/* Its wakeup passed unseen (a program does not interrupt itself). The waking may have been seen. */
		runnable = thread->waking_ns > since ? thread->waking_ns : now;
		enter(thread, runnable, FANLIGHT_RUNNABLE_WAKING);
	}
	if (thread->preempted_by[0])
		end_preemption(thread, now);
	enter(thread, now, FANLIGHT_RUNNING);
	note_event(thread, FANLIGHT_TIMELINE_STATE, FANLIGHT_RUNNING, 0, now);
	__u32 bucket = fanlight_capped_bucket(now > runnable ? now - runnable : 0);
	if (bucket < FANLIGHT_HISTOGRAM_BUCKETS)
		thread->totals.run_queue[bucket]++;
	if (thread->last_cpu && thread->last_cpu != cpu)
		thread->totals.migrations++;
	thread->last_cpu = cpu;
	thread->waking_ns = 0;
	if (thread->lock)
		end_futex_wait(thread, runnable);
	end_change(thread);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(fl_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	__u64 now = bpf_ktime_get_ns();

	leave_cpu(prev, next, preempt, now);
	enter_cpu(next, now);
	time_some_runs(FANLIGHT_TIMED_SWITCH, now);
	return 0;
}

/* Only a time stamp: this may run while the thread is still on its way out on another CPU. And some times a stack, of
 * who wakes it. */
SEC("tp_btf/sched_waking")
int BPF_PROG(fl_waking, struct task_struct *task)
{
	struct thread *thread = thread_of(task);
	if (!thread)
		return 0;
	__u64 now = bpf_ktime_get_ns();

	thread->waking_ns = now;
	if (*(volatile __u32 *)&timeline_on) {
		__u32 who = waker_tid(ctx, (struct task_struct *)bpf_get_current_task_btf());
		note_event(thread, FANLIGHT_TIMELINE_WAKE, 0, who, now);
	}
	__u32 one_in = *(volatile __u32 *)&wake_one_in;
	if (!(roll(thread) & (one_in - 1)))
		sample_waker(ctx, thread, now, one_in);
	time_some_runs(FANLIGHT_TIMED_WAKING, now);
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(fl_wakeup, struct task_struct *task)
{
	struct thread *thread = thread_of(task);
	if (!thread)
		return 0;
	if (!thread->position)
		assume(thread, observed_reason(task) == FANLIGHT_RUNNING
				       ? FANLIGHT_RUNNING
				       : blocked_reason(task, TASK_INTERRUPTIBLE, FANLIGHT_BLOCKED_OTHER));
	__u64 now = bpf_ktime_get_ns();
	if (reason_now(thread) == FANLIGHT_RUNNING && !on_a_cpu(task)) {
		begin_change(thread);
		left_unseen(task, thread, now, FANLIGHT_BLOCKED_OTHER);
		end_change(thread);
	}
	/* Woken before it ever left its CPU: nothing changed. */
	if (!fanlight_is_blocked(reason_now(thread)))
		return 0;

	__u64 since = thread->position >> REASON_BITS;
	__u64 waking = thread->waking_ns ?: now;
	if (waking < since)
		waking = since;
	if (waking > now)
		waking = now;
	begin_change(thread);
	enter(thread, waking, FANLIGHT_RUNNABLE_WAKING);
	__u32 runnable = is_throttled(task) ? FANLIGHT_RUNNABLE_THROTTLED : FANLIGHT_RUNNABLE_QUEUED;
	enter(thread, now, runnable);
	note_event(thread, FANLIGHT_TIMELINE_STATE, FANLIGHT_RUNNABLE_WAKING, 0, waking);
	note_event(thread, FANLIGHT_TIMELINE_STATE, runnable, 0, now);
	thread->runnable_ns = waking;
	thread->totals.wakeups++;
	end_change(thread);
	time_some_runs(FANLIGHT_TIMED_WAKEUP, now);
	return 0;
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(fl_wakeup_new, struct task_struct *task)
{
	struct thread *thread = thread_of(task);
	if (!thread)
		return 0;

	__u64 now = bpf_ktime_get_ns();
	begin_change(thread);
	thread->totals.from_ns = now;
	thread->position = now << REASON_BITS | FANLIGHT_RUNNABLE_QUEUED;
	thread->runnable_ns = now;
	note_event(thread, FANLIGHT_TIMELINE_STATE, FANLIGHT_RUNNABLE_QUEUED, 0, now);
	end_change(thread);
	return 0;
}

/* include/uapi/linux/sched.h */
#define CLONE_THREAD 0x10000u

/* Memory for a new thread, asked for where no lock of the scheduler is held. The one who starts it runs now. */
SEC("tp_btf/task_newtask")
int BPF_PROG(fl_newtask, struct task_struct *task, unsigned long flags)
{
	if (!by_record) {
		thread_of(task);
		return 0;
	}
	struct thread *parent = known_thread((struct task_struct *)bpf_get_current_task_btf());
	if (!parent || (!with_children && !(flags & CLONE_THREAD)))
		return 0;
	struct thread *thread = adopt(task, bpf_ktime_get_ns());
	if (thread)
		thread->mapped_like = parent->mapped_like ?: parent->totals.pid;
	return 0;
}

static __always_inline bool is_adopted_name(const char *comm)
{
	for (int i = 0; i < 16; i++) {
		if (comm[i] != adopted_comm[i])
			return false;
		if (!comm[i])
			break;
	}
	return true;
}

/* A thread that becomes another program ends the life that it had and begins one with nothing counted. Where it was not
 * the process's first thread, it takes over the number of that one as well. It is the thread that runs now. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(fl_exec, struct task_struct *task)
{
	struct thread *thread = thread_of(task);
	__u64 now = bpf_ktime_get_ns();

	if (!thread) {
		char comm[16];
		bpf_probe_read_kernel_str(comm, sizeof(comm), task->comm);
		bool starts = from_exec && is_target(task);
		bool joins = adopted_comm[0] && is_adopted_name(comm);
		if (!by_record || !(starts || joins))
			return 0;
		thread = adopt(task, now);
		if (!thread)
			return 0;
		thread->cpu_ns = cpu_time(task);
		thread->position = now << REASON_BITS | FANLIGHT_RUNNING;
	} else {
		assume(thread, FANLIGHT_RUNNING);
		begin_change(thread);
		enter(thread, now, FANLIGHT_RUNNING);
		end_life(thread, FANLIGHT_THREAD_ENDED | FANLIGHT_THREAD_EXEC);
		/* A plain loop would be turned into a call of memset, which there is none of. */
		volatile __u64 *words = (volatile __u64 *)&thread->totals;
		for (int i = 0; i < (int)(sizeof(thread->totals) / 8); i++)
			words[i] = 0;
		thread->totals.from_ns = now;
		thread->totals.pid = pid_of(task);
		thread->totals.tid = tid_of(task);
		bpf_probe_read_kernel_str(thread->totals.name, sizeof(thread->totals.name), task->comm);
		thread->mapped_like = 0;
		/* Where the one before had its labels the next one has something else. */
		label_access.enabled = 0;
		words = (volatile __u64 *)thread->label_time;
		for (int i = 0; i < (int)(sizeof(thread->label_time) / 8); i++)
			words[i] = 0;
		thread->labels = 0;
		thread->label_slot = 0;
		thread->labels_known = 0;
		end_change(thread);
	}
	__sync_fetch_and_add(&mapping_changes, 1);
	return 0;
}
