// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* Where time goes that is not spent on a CPU: a sleepable iterator over the target's threads, read by user space at
 * random moments. It reads the stacks of those that are not running from outside, so the target pays nothing. */
#include "bpf/emit.bpf.h"
#include "bpf/reason.bpf.h"
#include "bpf/threads.bpf.h"

#define STACK_WORDS 256 /* 2 KiB: one copy instead of one for each frame */

struct visit_room {
	struct sample_room sample;
	__u64 window; /* the address that stack[] was copied from; 0: from nowhere */
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
};

static __always_inline bool move_window(struct visit *visit, __u64 address)
{
	struct visit_room *room = visit->room;

	room->window = 0;
	if (bpf_copy_from_user_task(room->stack, sizeof(room->stack), (void *)address, visit->task, 0))
		return false;
	room->window = address;
	return true;
}

/* Outer frames lie higher, so the window moves up with the walk. Where less than a window is mapped, or a word is asked
 * for that lies below it, that alone is copied. */
static __always_inline long read_other(struct visit *visit, void *into, __u32 bytes, __u64 address)
{
	struct visit_room *room = visit->room;

	if (bytes > 16 || address & 7)
		return bpf_copy_from_user_task(into, bytes, (void *)address, visit->task, 0);
	if (!room->window || address < room->window)
		return bpf_copy_from_user_task(into, bytes, (void *)address, visit->task, 0);
	if (address - room->window > 8 * (STACK_WORDS - 2) && !move_window(visit, address))
		return bpf_copy_from_user_task(into, bytes, (void *)address, visit->task, 0);
	__u64 word = (address - room->window) / 8;
	__u64 *words = into;
	words[0] = room->stack[word & (STACK_WORDS - 1)];
	if (bytes == 16)
		words[1] = room->stack[(word + 1) & (STACK_WORDS - 1)];
	return 0;
}

static __always_inline long read_frame(void *context, struct fanlight_frame *into, __u64 address)
{
	return read_other(context, into, sizeof(*into), address);
}

static __always_inline long read_words(void *context, void *into, __u32 bytes, __u64 address)
{
	return read_other(context, into, bytes, address);
}

static long read_label(void *context, void *into, __u32 bytes, __u64 address)
{
	struct visit *visit = context;
	return bpf_copy_from_user_task(into, bytes, (void *)address, visit->task, 0);
}

static long unwind_other_frame(__u64 index, void *context)
{
	return unwind_frame(read_words, context);
}

static __always_inline __u32 unwind_other(struct visit *visit, __u32 at)
{
	struct sample_room *room = &visit->room->sample;
	struct unwind_call call = {
		.room = &room->unwind, .sample = &room->sample, .mappings = mappings_of(visit->task), .context = visit};

	if (!call.mappings)
		return 0;
	unwind_start(&room->unwind, (struct pt_regs *)bpf_task_pt_regs(visit->task));
	room->unwind.next = at;
	move_window(visit, room->unwind.walk.registers[FANLIGHT_RSP]);
	bpf_loop(FANLIGHT_USER_FRAMES, unwind_other_frame, &call, 0);
	return unwind_end(&room->unwind, at);
}

static __always_inline __u32 walk_other(struct visit *visit, __u32 at)
{
	struct sample_room *room = &visit->room->sample;
	struct fanlight_registers registers;
	struct fanlight_code code;

	user_registers(visit->task, &registers, &code);
	bool top = move_window(visit, registers.sp);
	if (top)
		__builtin_memcpy(room->walk.top, visit->room->stack, sizeof(room->walk.top));
	else /* less than 2 KiB of stack in use */
		top = !bpf_copy_from_user_task(room->walk.top, sizeof(room->walk.top), (void *)registers.sp, visit->task, 0);
	return fanlight_walk_frames(read_frame, visit, &registers, &code, &room->walk, top, room->sample.frames, at,
				    FANLIGHT_SAMPLE_FRAMES);
}

SEC("iter.s/task")
int fl_visit(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	__u32 zero = 0;

	if (!task || (!by_record && !is_target(task)))
		return 0;
	struct thread *thread = known_thread(task);
	if (by_record && !thread)
		return 0;
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
	struct fanlight_sample *sample = &room->sample.sample;
	sample->time_ns = bpf_ktime_get_ns();
	sample->weight = thread && reason == FANLIGHT_BLOCKED_FUTEX ? thread->lock : 0;
	sample->count = 1;
	sample->source = FANLIGHT_SOURCE_BLOCKED;
	sample->tid = thread ? thread->totals.tid : tid_of(task);
	sample->pid = thread ? thread->totals.pid : 0;
	sample->reason = reason;
	sample->flags = 0;
	sample->kernel_frames = 0;
	sample->user_frames = 0;
	sample->stop = FANLIGHT_STOP_NO_STACK;
	struct visit labelled = {.task = task, .room = room};
	if (thread && thread->labels_known) {
		sample->trace_id[0] = thread->trace_id[0];
		sample->trace_id[1] = thread->trace_id[1];
		sample->span_id = thread->span_id;
		sample->labels = thread->labels;
		sample->unused = 0;
	} else {
		take_labels(read_label, &labelled, task, &room->sample.labels, sample);
	}

	__u32 kernel = 0, user = 0;
	__u32 stop = FANLIGHT_STOP_NO_STACK;
	if (thread && thread->visited == changes + 1) {
		sample->flags = FANLIGHT_SAME_STACK;
	} else {
		struct visit visit = {.task = task, .room = room};
		/* Told of before the CPU has let go of it: its registers are not saved yet. */
		bool leaving = on_a_cpu(task);
		long bytes = bpf_get_task_stack(task, sample->frames, 8 * FANLIGHT_FRAMES, 0);
		kernel = bytes > 0 ? (__u32)bytes / 8 : 0;
		if (kernel > FANLIGHT_FRAMES)
			kernel = FANLIGHT_FRAMES;
		if (!has_user_stack(task)) {
		} else if (unwind_by_tables) {
			user = unwind_other(&visit, kernel);
			stop = room->sample.unwind.walk.stop;
		} else {
			user = walk_other(&visit, kernel);
			stop = user >= FANLIGHT_WALK_FRAMES ? FANLIGHT_STOP_ROOM : FANLIGHT_STOP_FRAME_POINTER;
		}
		sample->kernel_frames = kernel;
		sample->user_frames = user;
		sample->stop = stop;
		if (stop == FANLIGHT_STOP_ROOM)
			sample->flags = FANLIGHT_CUT_STACK;
		if (leaving || (thread && thread->changes != changes)) {
			/* What was read may be of two different moments. The wait counts all the same: those that are
			 * short would else be told of less often than they are met. */
			__sync_fetch_and_add(&misses.woke_meanwhile, 1);
			sample->flags = FANLIGHT_WOKE_MEANWHILE;
			sample->kernel_frames = 0;
			sample->user_frames = 0;
			sample->stop = stop = FANLIGHT_STOP_NO_STACK;
			kernel = user = 0;
		}
	}
	__u32 frames = kernel + user;
	if (frames > FANLIGHT_SAMPLE_FRAMES)
		return 0;
	struct fanlight_account *account = &accounts[FANLIGHT_SOURCE_BLOCKED];
	__sync_fetch_and_add(&account->produced, 1);
	if (bpf_seq_write(ctx->meta->seq, sample, FANLIGHT_SAMPLE_HEAD + 8 * frames)) {
		/* The page is full: the kernel hands it over and calls us again for the same thread. */
		__sync_fetch_and_sub(&account->produced, 1);
		return 0;
	}
	__sync_fetch_and_add(&account->settled, 1);
	if (!(sample->flags & (FANLIGHT_SAME_STACK | FANLIGHT_WOKE_MEANWHILE)))
		count_stop(sample, FANLIGHT_SOURCE_BLOCKED, stop);
	if (thread && !(sample->flags & FANLIGHT_WOKE_MEANWHILE))
		thread->visited = changes + 1;
	return 0;
}
