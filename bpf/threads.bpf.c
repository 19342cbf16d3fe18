// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* Reads what was counted: an iterator over the target's threads. A thread that had no event yet is put where it is. */
#include "bpf/reason.bpf.h"
#include "bpf/threads.bpf.h"

struct thread_map threads SEC(".maps");

#define COPY_ATTEMPTS 8

/* Room for a copy of one thread's times by label, since one reader of ours runs the iterator. */
struct label_times {
	struct fanlight_label_time slots[FANLIGHT_LABEL_SLOTS];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct label_times);
} label_copy SEC(".maps");

SEC("iter/task")
int fl_threads(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	/* The part in front of the histogram, which is small enough for the stack. */
	union {
		struct {
			char head[FANLIGHT_THREAD_HEAD];
		};
		__u64 words[FANLIGHT_THREAD_HEAD / 8];
	} copy;

	if (!task)
		return 0;
	__u32 state = state_of(task);
	if (state & TASK_NEW)
		return 0;
	struct thread *thread = thread_of(task);
	if (!thread)
		return 0;
	if (!thread->position) {
		thread->cpu_ns = cpu_time(task);
		assume(thread, observed_reason(task));
	}

	__u32 zero = 0;
	struct label_times *times = bpf_map_lookup_elem(&label_copy, &zero);
	if (!times)
		return 0;
	/* For the record of its end, when it has become another program by then. */
	bpf_probe_read_kernel_str(thread->totals.name, sizeof(thread->totals.name), task->comm);

	struct fanlight_thread *head = (struct fanlight_thread *)&copy;
	__u64 now = 0, position = 0;
	__u32 label_slot = 0;
	bool whole = false;
	for (int attempt = 0; attempt < COPY_ATTEMPTS && !whole; attempt++) {
		__u64 before = *(volatile __u64 *)&thread->changes;
		barrier();
		__builtin_memcpy(&copy, &thread->totals, sizeof(copy));
		position = *(volatile __u64 *)&thread->position;
		label_slot = *(volatile __u32 *)&thread->label_slot;
		if (head->label_slots)
			bpf_probe_read_kernel(times, sizeof(*times), thread->label_time);
		now = bpf_ktime_get_ns();
		barrier();
		whole = !(before & 1) && before == *(volatile __u64 *)&thread->changes;
	}
	if (!(head->flags & FANLIGHT_THREAD_ENDED)) {
		__u64 since = position >> REASON_BITS;
		__u32 reason = position & REASON_MASK;
		if (now < since)
			now = since;
		if (reason < FANLIGHT_REASONS)
			head->ns[reason] += now - since;
		__u32 slot = label_slot - 1, wait = wait_of(reason);
		if (wait < FANLIGHT_REASONS - 1 && slot < FANLIGHT_LABEL_SLOTS)
			times->slots[slot].ns[wait] += now - since;
		if (!head->from_ns)
			head->from_ns = window_start_ns;
		head->to_ns = now;
	}
	if (!whole)
		head->flags |= FANLIGHT_THREAD_TORN;
	head->siblings = BPF_CORE_READ(task, signal, nr_threads);
	bpf_seq_write(ctx->meta->seq, &copy, sizeof(copy));
	bpf_seq_write(ctx->meta->seq, thread->totals.run_queue, sizeof(thread->totals.run_queue));
	/* With a second bound below, the compiler checks slots - 1 in a copy, and the verifier of 6.1 knows nothing of slots. */
	__u32 slots = head->label_slots;
	if (slots <= FANLIGHT_LABEL_SLOTS)
		bpf_seq_write(ctx->meta->seq, times, slots * sizeof(struct fanlight_label_time));
	return 0;
}
