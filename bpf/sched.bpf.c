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
#include "bpf/reason.bpf.h"
#include "bpf/threads.bpf.h"

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

	if (!label_access.enabled)
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

static __always_inline void leave_cpu(struct task_struct *task, bool preempt, __u64 now)
{
	struct thread *thread = thread_of(task);
	if (!thread)
		return;
	assume(thread, FANLIGHT_RUNNING);

	/* Not the tracepoint's own prev_state: before 6.14 it still says "sleeping" of a thread that a pending signal kept
	 * on its run queue. */
	__u32 state = preempt ? 0 : state_of(task);
	__u32 reason = state ? blocked_reason(task, state, thread->last_block) : FANLIGHT_RUNNABLE_PREEMPTED;

	begin_change(thread);
	if (reason_now(thread) != FANLIGHT_RUNNING)
		enter(thread, now - ran_meanwhile(task, thread, now), FANLIGHT_RUNNING);
	enter(thread, now, reason);
	if (!(state & TASK_DEAD))
		note_labels(task, thread);
	thread->cpu_ns = cpu_time(task);
	if (state) {
		thread->last_block = reason;
		if (reason == FANLIGHT_BLOCKED_FUTEX)
			begin_futex_wait(task, thread, now);
		thread->totals.switches_voluntary++;
	} else {
		thread->runnable_ns = now;
		thread->totals.switches_preempted++;
	}
	thread->last_cpu = bpf_get_smp_processor_id() + 1;
	end_change(thread);

	if (state & TASK_DEAD) {
		struct fanlight_thread *totals = &thread->totals;
		if (!totals->from_ns)
			totals->from_ns = window_start_ns;
		totals->to_ns = thread->position >> REASON_BITS;
		totals->flags |= FANLIGHT_THREAD_ENDED;
		bpf_probe_read_kernel_str(totals->name, sizeof(totals->name), task->comm);
		__u32 slots = totals->label_slots;
		if (slots > FANLIGHT_LABEL_SLOTS)
			slots = 0;
		emit(&thread_ends, FANLIGHT_SOURCE_THREAD_END, totals,
		     sizeof(*totals) + slots * sizeof(struct fanlight_label_time));
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
	if (reason_now(thread) >= FANLIGHT_BLOCKED_OTHER) {
		/* Its wakeup passed unseen (a program does not interrupt itself). The waking may have been seen. */
		runnable = thread->waking_ns > since ? thread->waking_ns : now;
		enter(thread, runnable, FANLIGHT_RUNNABLE_WAKING);
	}
	enter(thread, now, FANLIGHT_RUNNING);
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

	leave_cpu(prev, preempt, now);
	enter_cpu(next, now);
	return 0;
}

/* Only a time stamp: this may run while the thread is still on its way out on another CPU. */
SEC("tp_btf/sched_waking")
int BPF_PROG(fl_waking, struct task_struct *task)
{
	struct thread *thread = thread_of(task);

	if (thread)
		thread->waking_ns = bpf_ktime_get_ns();
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
	if (reason_now(thread) == FANLIGHT_RUNNING && !task->on_cpu) {
		begin_change(thread);
		left_unseen(task, thread, now, FANLIGHT_BLOCKED_OTHER);
		end_change(thread);
	}
	/* Woken before it ever left its CPU: nothing changed. */
	if (reason_now(thread) < FANLIGHT_BLOCKED_OTHER)
		return 0;

	__u64 since = thread->position >> REASON_BITS;
	__u64 waking = thread->waking_ns ?: now;
	if (waking < since)
		waking = since;
	if (waking > now)
		waking = now;
	begin_change(thread);
	enter(thread, waking, FANLIGHT_RUNNABLE_WAKING);
	enter(thread, now, FANLIGHT_RUNNABLE_QUEUED);
	thread->runnable_ns = waking;
	thread->totals.wakeups++;
	end_change(thread);
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
	end_change(thread);
	return 0;
}

/* Memory for a new thread, asked for where no lock of the scheduler is held. */
SEC("tp_btf/task_newtask")
int BPF_PROG(fl_newtask, struct task_struct *task)
{
	thread_of(task);
	return 0;
}
