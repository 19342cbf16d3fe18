/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Who ends a thread's wait. In: a thread that is being woken by whoever runs now. Out: a sample with the waker's stack,
 * which stands for the time that the thread had waited. */
#ifndef FANLIGHT_WAKERS_BPF_H
#define FANLIGHT_WAKERS_BPF_H

#include "bpf/emit.bpf.h"
#include "bpf/threads.bpf.h"

#define WAKER_OWN_FRAMES 2 /* this program and what ran it */
#define KERNEL_STACK_BYTES 16384 /* arch/x86/include/asm/page_64_types.h, THREAD_SIZE */

extern struct scratch_map waker_scratch SEC(".maps");
/* One wake-up in so many is sampled, a power of two; user space sets it by their number. */
extern __u32 wake_one_in;

/* Does an interrupt run that has borrowed the thread, be it hard or soft? The count of preemption would say, but it is no
 * text, and kernels without CONFIG_KALLSYMS_ALL do not let programs have its address. An interrupt of kernel code has a
 * stack of its own; one of user code uses the thread's, and then the registers say that no call was made. (A wake-up out
 * of a page fault looks the same, and is rare.) `room`: through memory the verifier forgets that it was a pointer. */
static __always_inline bool in_interrupt(void *ctx, struct task_struct *task, struct sample_room *room)
{
	__u64 stack = (__u64)task->stack;

	*(volatile __u64 *)&room->sample.time_ns = (__u64)ctx;
	__u64 here = *(volatile __u64 *)&room->sample.time_ns;
	if (here < stack || here - stack >= KERNEL_STACK_BYTES)
		return true;
	if (!has_user_stack(task))
		return !task->pid;
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	return (long)regs->orig_ax == -1;
}

/* Who wakes, in the collector's PID namespace; 0: an interrupt. That thread, whoever it met, has woken nobody. */
static __always_inline __u32 waker_tid(void *ctx, struct task_struct *waker)
{
	struct sample_room *room = room_in(&waker_scratch);

	return !room || in_interrupt(ctx, waker, room) ? 0 : tid_of(waker);
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
	bool interrupt = in_interrupt(ctx, waker, room);
	sample->time_ns = now;
	sample->weight = now > since ? (now - since) * one_in : 0;
	sample->count = one_in;
	sample->tid = thread->totals.tid;
	sample->pid = thread->totals.pid;
	sample->reason = reason;
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
