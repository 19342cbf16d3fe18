// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* Where time goes that is not spent on a CPU: a sleepable iterator over the target's threads, read by user space at
 * random moments. It reads the stacks of those that are not running from outside, so the target pays nothing. */
#include "bpf/emit.bpf.h"
#include "bpf/reason.bpf.h"
#include "bpf/threads.bpf.h"

#define STACK_WORDS 256 /* 2 KiB hold most chains of frames whole: one copy instead of one for each */

struct visit_room {
	struct fanlight_sample sample;
	struct fanlight_walk walk;
	__u64 stack[STACK_WORDS];
};

/* One room, since one reader of ours runs the iterator; sleepable programs cannot hold on to a CPU's own. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct visit_room);
} visit_scratch SEC(".maps");

struct visit {
	struct task_struct *task;
	struct visit_room *room;
	__u64 sp;
	bool copied; /* all of room->stack is the thread's stack from `sp` up */
};

static __always_inline long read_other(void *context, struct fanlight_frame *into, __u64 address)
{
	struct visit *visit = context;
	__u64 word = (address - visit->sp) / 8;

	if (visit->copied && address >= visit->sp && word < STACK_WORDS - 1) {
		into->next_bp = visit->room->stack[word & (STACK_WORDS - 1)];
		into->return_address = visit->room->stack[(word + 1) & (STACK_WORDS - 1)];
		return 0;
	}
	return bpf_copy_from_user_task(into, sizeof(*into), (void *)address, visit->task, 0);
}

static __always_inline __u32 walk_other(struct task_struct *task, struct visit_room *room, __u32 at)
{
	struct visit visit = {.task = task, .room = room};
	struct fanlight_registers registers;
	struct fanlight_code code;

	user_registers(task, &registers, &code);
	visit.sp = registers.sp;
	void *sp = (void *)registers.sp;
	visit.copied = !bpf_copy_from_user_task(room->stack, sizeof(room->stack), sp, task, 0);
	bool top = visit.copied;
	if (visit.copied)
		__builtin_memcpy(room->walk.top, room->stack, sizeof(room->walk.top));
	else /* less than 2 KiB of stack in use */
		top = !bpf_copy_from_user_task(room->walk.top, sizeof(room->walk.top), sp, task, 0);
	return fanlight_walk_frames(read_other, &visit, &registers, &code, &room->walk, top, room->sample.frames, at,
				    2 * FANLIGHT_FRAMES);
}

SEC("iter.s/task")
int fl_visit(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	__u32 zero = 0;

	if (!task || !is_target(task))
		return 0;
	struct thread *thread = known_thread(task);
	__u32 reason;
	__u64 changes = 0;
	if (thread && thread->position) {
		changes = *(volatile __u64 *)&thread->changes;
		reason = reason_now(thread);
	} else {
		reason = observed_reason(task);
	}
	if (reason == FANLIGHT_RUNNING || reason >= FANLIGHT_REASONS || state_of(task) & TASK_DEAD)
		return 0;
	struct visit_room *room = bpf_map_lookup_elem(&visit_scratch, &zero);
	if (!room)
		return 0;
	struct fanlight_sample *sample = &room->sample;
	sample->time_ns = bpf_ktime_get_ns();
	sample->weight = 0;
	sample->count = 1;
	sample->source = FANLIGHT_SOURCE_BLOCKED;
	sample->tid = thread ? thread->totals.tid : tid_of(task);
	sample->reason = reason;
	sample->flags = 0;
	sample->kernel_frames = 0;
	sample->user_frames = 0;

	__u32 kernel = 0, user = 0;
	if (thread && thread->visited == changes + 1) {
		sample->flags = FANLIGHT_SAME_STACK;
	} else {
		long bytes = bpf_get_task_stack(task, sample->frames, 8 * FANLIGHT_FRAMES, 0);
		kernel = bytes > 0 ? (__u32)bytes / 8 : 0;
		if (kernel > FANLIGHT_FRAMES)
			kernel = FANLIGHT_FRAMES;
		user = walk_other(task, room, kernel);
		if (user > FANLIGHT_FRAMES)
			user = FANLIGHT_FRAMES;
		sample->kernel_frames = kernel;
		sample->user_frames = user;
		if (user == FANLIGHT_FRAMES)
			sample->flags = FANLIGHT_CUT_STACK;
		if (thread && thread->changes != changes) {
			/* What was read may be of two different moments. */
			__sync_fetch_and_add(&misses.woke_meanwhile, 1);
			return 0;
		}
	}
	__u32 frames = kernel + user;
	if (frames > 2 * FANLIGHT_FRAMES)
		return 0;
	struct fanlight_account *account = &accounts[FANLIGHT_SOURCE_BLOCKED];
	__sync_fetch_and_add(&account->produced, 1);
	if (bpf_seq_write(ctx->meta->seq, sample, FANLIGHT_SAMPLE_HEAD + 8 * frames)) {
		/* The page is full: the kernel hands it over and calls us again for the same thread. */
		__sync_fetch_and_sub(&account->produced, 1);
		return 0;
	}
	__sync_fetch_and_add(&account->settled, 1);
	if (thread)
		thread->visited = changes + 1;
	return 0;
}
