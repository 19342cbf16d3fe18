/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Hands records to user space and keeps the account. In: a record. Out: it is in a ring, or it is counted as lost. */
#ifndef FANLIGHT_EMIT_BPF_H
#define FANLIGHT_EMIT_BPF_H

#include "bpf/target.bpf.h"

#include "bpf/events.h"

struct ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20); /* user space sets the size that its options name */
};

/* Defined in ledger.bpf.c: all linked programs count into the same accounts. */
extern struct ring_map samples SEC(".maps");
extern struct ring_map thread_ends SEC(".maps");
extern struct fanlight_account accounts[FANLIGHT_SOURCES];
extern const volatile __u64 wake_bytes;

static __always_inline void emit(void *ring, enum fanlight_source source, void *record, __u64 bytes)
{
	struct fanlight_account *account = &accounts[source];

	__sync_fetch_and_add(&account->produced, 1);
	/* User space comes by often enough; it is woken early only when the ring fills faster than that. */
	__u64 wake = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) >= wake_bytes ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
	if (bpf_ringbuf_output(ring, record, bytes, wake))
		__sync_fetch_and_add(&account->ring_full, 1);
	__sync_fetch_and_add(&account->settled, 1);
}

static __always_inline void emit_sample(enum fanlight_source source, struct fanlight_sample *sample)
{
	__u32 frames = sample->kernel_frames + sample->user_frames;

	if (frames > 2 * FANLIGHT_FRAMES)
		return;
	sample->source = source;
	emit(&samples, source, sample, FANLIGHT_SAMPLE_HEAD + 8 * frames);
}

/* `skip`: frames of our own machinery on top of the kernel stack. */
static __always_inline void take_stacks(void *ctx, struct fanlight_sample *sample, __u64 skip)
{
	long bytes = bpf_get_stack(ctx, sample->frames, 8 * FANLIGHT_FRAMES, skip);
	__u32 kernel = bytes > 0 ? (__u32)bytes / 8 : 0;
	if (kernel > FANLIGHT_FRAMES)
		kernel = FANLIGHT_FRAMES;
	bytes = bpf_get_stack(ctx, &sample->frames[kernel], 8 * FANLIGHT_FRAMES, BPF_F_USER_STACK);
	__u32 user = bytes > 0 ? (__u32)bytes / 8 : 0;
	if (user > FANLIGHT_FRAMES)
		user = FANLIGHT_FRAMES;
	sample->kernel_frames = kernel;
	sample->user_frames = user;
	sample->flags = user == FANLIGHT_FRAMES ? FANLIGHT_CUT_STACK : 0;
}

/* One record's room per CPU. Each program has its own: a sampling interrupt may come in the middle of another. */
struct scratch_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fanlight_sample);
};

static __always_inline struct fanlight_sample *sample_in(void *scratch)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(scratch, &zero);
}

#endif
