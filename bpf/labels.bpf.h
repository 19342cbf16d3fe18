/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What a thread of the target says it works on. In: its record of OTEP-4947 behind a thread-local pointer. Out: the
 * number of its set of labels, the same for the same bytes; its trace. Source:
 * github.com/open-telemetry/opentelemetry-specification, oteps/profiles/4947-thread-ctx.md */
#ifndef FANLIGHT_LABELS_BPF_H
#define FANLIGHT_LABELS_BPF_H

#include "bpf/target.bpf.h"

#include "bpf/events.h"
#include "bpf/frames.h"

/* Every set of labels that was ever seen; user space reads the keys. */
struct label_set_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FANLIGHT_LABEL_SETS);
	__type(key, struct fanlight_label_set);
	__type(value, __u32);
};

/* Defined in labels.bpf.c. */
extern struct label_set_map label_sets SEC(".maps");
extern struct fanlight_label_access label_access; /* written by user space */
extern __u32 last_label_set;
extern struct fanlight_misses misses;

/* The head of a record. */
struct thread_record {
	__u8 trace_id[16];
	__u8 span_id[8];
	__u8 valid;
	__u8 trace_flags;
	__u16 attribute_bytes;
};
#define RECORD_HEAD 28
static_assert(sizeof(struct thread_record) == RECORD_HEAD, "as the text has it");

struct label_room {
	struct fanlight_label_set set;
	union {
		struct thread_record record;
		__u64 words[4];
	};
};

/* Copies `bytes` at `address` out of the thread's memory; 0 when all could be read. */
typedef long (*label_read)(void *context, void *into, __u32 bytes, __u64 address);

/* Room for one on each CPU; each program has its own, as with samples. */
struct label_scratch_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct label_room);
};

/* Where a thread keeps the pointer to its record; 0: nowhere yet. */
static __always_inline __u64 label_pointer_at(label_read read, void *context, struct task_struct *task)
{
	__u64 at = BPF_CORE_READ(task, thread.fsbase);
	__u64 vector = 0, block = 0;

	if (!at)
		return 0;
	if (!label_access.module)
		return at + label_access.offset;
	if (read(context, &vector, sizeof(vector), at + 8) ||
	    read(context, &block, sizeof(block), vector + 16 * label_access.module) || !block || block == ~0ULL)
		return 0;
	return block + label_access.offset;
}

/* Fills the room with what the thread says now. Nothing: all zero. */
static __always_inline void read_labels(label_read read, void *context, struct task_struct *task,
					struct label_room *room)
{
	__u64 record = 0;

	__builtin_memset(room, 0, sizeof(*room));
	__u64 at = label_pointer_at(read, context, task);
	if (!at)
		return;
	if (read(context, &record, sizeof(record), at)) {
		__sync_fetch_and_add(&misses.labels_unreadable, 1);
		return;
	}
	if (!record)
		return;
	if (read(context, &room->record, RECORD_HEAD, record)) {
		__sync_fetch_and_add(&misses.labels_unreadable, 1);
		room->record.valid = 0;
	}
	if (room->record.valid != 1) {
		__builtin_memset(room, 0, sizeof(*room));
		return;
	}
	__u32 bytes = room->record.attribute_bytes;
	if (bytes > FANLIGHT_LABEL_BYTES) {
		__sync_fetch_and_add(&misses.labels_cut, 1);
		bytes = FANLIGHT_LABEL_BYTES;
	}
	if (!bytes)
		return;
	/* The bound again where the verifier looks for it: the compiler may have forgotten it on the way. */
	FANLIGHT_OPAQUE(bytes);
	bytes &= FANLIGHT_LABEL_MASK;
	if (bytes > FANLIGHT_LABEL_BYTES || read(context, room->set.attributes, bytes, record + RECORD_HEAD)) {
		__sync_fetch_and_add(&misses.labels_unreadable, 1);
		return;
	}
	room->set.bytes = bytes;
}

/* The number of a set, given out at its first sight. */
static __always_inline __u32 number_of_labels(const struct fanlight_label_set *set)
{
	if (!set->bytes)
		return 0;
	__u32 *known = bpf_map_lookup_elem(&label_sets, set);
	if (known)
		return *known;
	__u32 number = __sync_fetch_and_add(&last_label_set, 1) + 1;
	if (!bpf_map_update_elem(&label_sets, set, &number, BPF_NOEXIST))
		return number;
	known = bpf_map_lookup_elem(&label_sets, set);
	if (known)
		return *known;
	__sync_fetch_and_add(&misses.label_sets_full, 1);
	return FANLIGHT_LABELS_BEYOND;
}

/* Into a sample, of whatever thread. */
static __always_inline void take_labels(label_read read, void *context, struct task_struct *task,
					struct label_room *room, struct fanlight_sample *sample)
{
	sample->trace_id[0] = 0;
	sample->trace_id[1] = 0;
	sample->span_id = 0;
	sample->labels = 0;
	sample->unused = 0;
	if (!label_access.enabled || (by_record && pid_of(task) != label_access.pid))
		return;
	read_labels(read, context, task, room);
	sample->trace_id[0] = room->words[0];
	sample->trace_id[1] = room->words[1];
	sample->span_id = room->words[2];
	sample->labels = number_of_labels(&room->set);
}

#endif
