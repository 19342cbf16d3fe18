/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Who ends a thread's wait. In: a thread that is being woken by whoever runs now. Out: a sample with the waker's stack,
 * which stands for the time that the thread had waited. */
#ifndef FANLIGHT_WAKERS_BPF_H
#define FANLIGHT_WAKERS_BPF_H

#include "bpf/emit.bpf.h"
#include "bpf/threads.bpf.h"

#define WAKER_OWN_FRAMES 2 /* this program and what ran it */
/* include/linux/preempt.h: bits of the count that an interrupt raises, soft or hard */
#define IN_INTERRUPT 0x000fff00u

extern struct scratch_map waker_scratch SEC(".maps");
/* One wake-up in so many is sampled, a power of two; user space sets it by their number. */
extern __u32 wake_one_in;

/* Before 6.2 and from 6.15 on, and in between. */
extern const int __preempt_count __ksym __weak;
extern const struct pcpu_hot pcpu_hot __ksym __weak;

static __always_inline bool in_interrupt(void)
{
	__u32 count = 0;

	if (&__preempt_count) {
		const int *own = bpf_this_cpu_ptr(&__preempt_count);
		count = *own;
	} else if (&pcpu_hot) {
		const struct pcpu_hot *own = bpf_this_cpu_ptr(&pcpu_hot);
		count = own->preempt_count;
	}
	return count & IN_INTERRUPT;
}

static __always_inline void sample_waker(void *ctx, struct thread *thread, __u64 now, __u32 one_in)
{
	struct task_struct *waker = (struct task_struct *)bpf_get_current_task_btf();
	struct sample_room *room = room_in(&waker_scratch);
	__u32 reason = reason_now(thread);
	__u64 since = thread->position >> REASON_BITS;

	/* On its way out still: it has not waited. */
	if (!room || !fanlight_is_blocked(reason))
		return;
	struct fanlight_sample *sample = &room->sample;
	sample->time_ns = now;
	sample->weight = now > since ? (now - since) * one_in : 0;
	sample->count = one_in;
	sample->tid = thread->totals.tid;
	sample->pid = thread->totals.pid;
	sample->reason = reason;
	/* An interrupt borrows the stack of whoever it met: that thread has woken nobody. */
	bool interrupt = in_interrupt() || !waker->pid;
	sample->other = interrupt ? 0 : tid_of(waker);
	__u32 stop = FANLIGHT_STOP_NO_STACK;
	if (interrupt || !is_watched(waker)) {
		/* Only the target's own user stacks can be walked, and an interrupt has none. */
		long bytes = bpf_get_stack(ctx, sample->frames, 8 * FANLIGHT_FRAMES, WAKER_OWN_FRAMES);
		__u32 kernel = bytes > 0 ? (__u32)bytes / 8 : 0;
		sample->kernel_frames = kernel > FANLIGHT_FRAMES ? FANLIGHT_FRAMES : kernel;
		sample->user_frames = 0;
		sample->flags = 0;
		count_stop(sample, FANLIGHT_SOURCE_WAKE, stop);
	} else {
		take_stacks(ctx, room, FANLIGHT_SOURCE_WAKE, WAKER_OWN_FRAMES);
	}
	emit_sample(FANLIGHT_SOURCE_WAKE, sample);
}

#endif
