/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Hands records to user space and keeps the account. In: a record. Out: it is in a ring, or it is counted as lost. */
#ifndef FANLIGHT_EMIT_BPF_H
#define FANLIGHT_EMIT_BPF_H

#include "bpf/target.bpf.h"

#include "bpf/events.h"
#include "bpf/frames.h"
#include "bpf/labels.bpf.h"
#include "bpf/unwind.bpf.h"

struct ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20); /* user space sets the size that its options name */
};

/* Defined in ledger.bpf.c: all linked programs count into the same accounts. */
extern struct ring_map samples SEC(".maps");
extern struct ring_map thread_ends SEC(".maps");
extern struct fanlight_account accounts[FANLIGHT_SOURCES];
extern const volatile __u64 wake_bytes;

/* False: the ring was full. */
static __always_inline bool emit(void *ring, enum fanlight_source source, void *record, __u64 bytes)
{
	struct fanlight_account *account = &accounts[source];

	__sync_fetch_and_add(&account->produced, 1);
	/* User space comes by often enough; it is woken early only when the ring fills faster than that. */
	__u64 wake = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) >= wake_bytes ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
	bool full = bpf_ringbuf_output(ring, record, bytes, wake);
	if (full)
		__sync_fetch_and_add(&account->ring_full, 1);
	__sync_fetch_and_add(&account->settled, 1);
	return !full;
}

static __always_inline bool emit_sample(enum fanlight_source source, struct fanlight_sample *sample)
{
	__u32 frames = sample->kernel_frames + sample->user_frames;

	if (frames > FANLIGHT_SAMPLE_FRAMES)
		return false;
	sample->source = source;
	return emit(&samples, source, sample, FANLIGHT_SAMPLE_HEAD + 8 * frames);
}

struct sample_room {
	struct fanlight_sample sample;
	struct fanlight_walk walk;
	struct unwind_room unwind;
	struct label_room labels;
};

/* One record's room per CPU. Each program has its own: a sampling interrupt may come in the middle of another. */
struct scratch_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sample_room);
};

static __always_inline struct sample_room *room_in(void *scratch)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(scratch, &zero);
}

static __always_inline void user_registers(struct task_struct *task, struct fanlight_registers *registers,
					   struct fanlight_code *code)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	struct mm_struct *mm = BPF_CORE_READ(task, mm);

	registers->ip = BPF_CORE_READ(regs, ip);
	registers->sp = BPF_CORE_READ(regs, sp);
	registers->bp = BPF_CORE_READ(regs, bp);
	code->start = BPF_CORE_READ(mm, start_code);
	code->end = BPF_CORE_READ(mm, end_code);
}

static __always_inline long read_current(void *context, struct fanlight_frame *into, __u64 address)
{
	return bpf_probe_read_user(into, sizeof(*into), (void *)address);
}

static __always_inline __u32 walk_frame_pointers(struct task_struct *task, struct sample_room *room, __u32 at)
{
	struct fanlight_registers registers;
	struct fanlight_code code;

	user_registers(task, &registers, &code);
	bool top = !bpf_probe_read_user(room->walk.top, sizeof(room->walk.top), (void *)registers.sp);
	return fanlight_walk_frames(read_current, NULL, &registers, &code, &room->walk, top, room->sample.frames, at,
				    FANLIGHT_SAMPLE_FRAMES);
}

static long read_user(void *context, void *into, __u32 bytes, __u64 address)
{
	return bpf_probe_read_user(into, bytes, (void *)address);
}

static long unwind_current_frame(__u64 index, void *context)
{
	return unwind_frame(read_user, context);
}

/* By the tables; the frames go behind those of the kernel. */
static __always_inline __u32 unwind_current(struct task_struct *task, struct sample_room *room, __u32 at)
{
	struct unwind_call call = {
		.room = &room->unwind, .sample = &room->sample, .mappings = mappings_of(task), .context = NULL};

	if (!call.mappings)
		return 0;
	unwind_start(&room->unwind, (struct pt_regs *)bpf_task_pt_regs(task));
	room->unwind.next = at;
	bpf_loop(FANLIGHT_USER_FRAMES, unwind_current_frame, &call, 0);
	return unwind_end(&room->unwind, at);
}

/* The user stack and labels of the thread that runs now, behind `kernel` frames that are there already. */
static __always_inline void take_user_stack(struct sample_room *room, __u32 source, __u32 kernel)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();
	struct fanlight_sample *sample = &room->sample;
	__u32 stop = FANLIGHT_STOP_NO_STACK;
	__u32 user = 0;

	if (!has_user_stack(task)) {
	} else if (unwind_by_tables) {
		user = unwind_current(task, room, kernel);
		stop = room->unwind.walk.stop;
	} else {
		user = walk_frame_pointers(task, room, kernel);
		stop = user >= FANLIGHT_WALK_FRAMES ? FANLIGHT_STOP_ROOM : FANLIGHT_STOP_FRAME_POINTER;
	}
	sample->kernel_frames = kernel;
	sample->user_frames = user;
	sample->flags = stop == FANLIGHT_STOP_ROOM ? FANLIGHT_CUT_STACK : 0;
	take_labels(read_user, NULL, task, &room->labels, sample);
	count_stop(sample, source, stop);
}

/* The stacks of the thread that runs now. `skip`: frames of our own machinery on top of the kernel stack.
 * The kernel's own walk of user stacks follows rbp even where it points at itself, or nowhere that holds code. */
static __always_inline void take_stacks(void *ctx, struct sample_room *room, __u32 source, __u64 skip)
{
	long bytes = bpf_get_stack(ctx, room->sample.frames, 8 * FANLIGHT_FRAMES, skip);
	__u32 kernel = bytes > 0 ? (__u32)bytes / 8 : 0;

	if (kernel > FANLIGHT_FRAMES)
		kernel = FANLIGHT_FRAMES;
	take_user_stack(room, source, kernel);
}

#endif
