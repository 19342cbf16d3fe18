/* SPDX-License-Identifier: Apache-2.0 */
/* What a target leaves in shared memory. In: nothing. Out: the layout that the writer in the target and the reader in
 * the collector agree on. Compiles as C and as C++, needs no library.
 *
 * One memfd per process, named FANLIGHT_INPROCESS_NAME, of fixed size, held open and mapped shared for the life of the
 * process; a collector finds it through /proc/PID/fd. It holds, in this order and each on a page of its own:
 *   header | metric_slots x metric | ring_slots x ( ring | ring_records x record )
 * Pages that are never used are never allocated. Only the target writes; readers never do.
 *
 * A ring has one producer, the thread that claimed it, and overwrites its oldest record. Publishing record n (from 0):
 *   record->sequence = 0; fence; fields of the record; record->sequence = n + 1; ring->head = n + 1
 * Reading record n: copy it, then read head again. The copy is whole when its sequence is n + 1 and
 * head < n + ring_records; otherwise the record was overwritten while it was copied. Heads never go back, not even when
 * a slot passes from a thread that ended to a new one: records carry their thread's id. */
#ifndef FANLIGHT_COLLECTOR_INPROCESS_LAYOUT_H
#define FANLIGHT_COLLECTOR_INPROCESS_LAYOUT_H

#include <linux/types.h>

#ifndef __cplusplus
#define static_assert _Static_assert
#endif

#define FANLIGHT_INPROCESS_NAME "fanlight-inprocess"
#define FANLIGHT_INPROCESS_MAGIC 0x6e692d74696c6e66ULL /* "fnlit-in", little endian */
#define FANLIGHT_INPROCESS_VERSION 2u

#define FANLIGHT_INPROCESS_PAGE 4096u
#define FANLIGHT_INPROCESS_METRICS 64u   /* slots at most */
#define FANLIGHT_INPROCESS_THREADS 1024u /* ring slots at most */
#define FANLIGHT_INPROCESS_RECORDS 65536u /* records per ring at most */
#define FANLIGHT_INPROCESS_FRAMES 124u
#define FANLIGHT_INPROCESS_BITS 3u      /* of a histogram, see bpf/log_linear.h */
#define FANLIGHT_INPROCESS_BUCKETS 496u /* fanlight_bucket(~0, 3) + 1 */
#define FANLIGHT_INPROCESS_STRIPES 62u

struct fanlight_inprocess_header {
	__u64 magic; /* written last, when everything below is valid */
	__u64 total_bytes;
	__u64 metrics_offset;
	__u64 rings_offset;
	__u64 ring_bytes;      /* from one ring to the next: a page and its records */
	__u64 start_ns;        /* CLOCK_MONOTONIC */
	__u64 metrics_refused; /* metrics that found no slot, or came before the start */
	__u64 threads_refused; /* threads that found no ring or no timer */
	__u32 version;
	__u32 pid;       /* in the target's own PID namespace */
	__u32 sample_hz; /* 0: no sampler */
	__u32 metric_slots;
	__u32 ring_slots;
	__u32 ring_records; /* a power of two */
	__u32 rings_used;   /* one above the highest ring that was ever claimed */
	__u32 table_kib;  /* memory that the sampler's unwind tables take; 0: it goes by frame pointers */
};
static_assert(sizeof(struct fanlight_inprocess_header) == 96, "the layout is shared between programs");

enum fanlight_inprocess_kind { /* of a metric: append, never renumber */
	FANLIGHT_INPROCESS_COUNTER = 0,
	FANLIGHT_INPROCESS_GAUGE = 1,
	FANLIGHT_INPROCESS_HISTOGRAM = 2,
};

enum fanlight_inprocess_state { /* of a metric or ring slot */
	FANLIGHT_INPROCESS_FREE = 0,
	FANLIGHT_INPROCESS_CLAIMED = 1, /* being filled in */
	FANLIGHT_INPROCESS_READY = 2,
};

/* A part of a counter; threads add to different ones, a line apart, so that they do not fight over it. */
struct fanlight_inprocess_stripe {
	__u64 value;
	__u64 pad[7];
};

/* One page. */
struct fanlight_inprocess_metric {
	__u32 state; /* enum fanlight_inprocess_state */
	__u32 kind;  /* enum fanlight_inprocess_kind */
	char name[48]; /* NUL-terminated */
	__s64 gauge;   /* FANLIGHT_INPROCESS_GAUGE */
	__u64 reserved[8];
	union {
		struct fanlight_inprocess_stripe stripes[FANLIGHT_INPROCESS_STRIPES]; /* ..._COUNTER: the sum counts */
		__u64 buckets[FANLIGHT_INPROCESS_BUCKETS];                            /* ..._HISTOGRAM, of ns */
	};
};
static_assert(sizeof(struct fanlight_inprocess_metric) == FANLIGHT_INPROCESS_PAGE, "a metric is a page");

/* The start of a ring; its records begin one page further on. */
struct fanlight_inprocess_ring {
	__u64 head;           /* records ever published */
	__u64 timer_overruns; /* expirations of the sampler's timer that raised no signal of their own */
	__u64 claims;         /* threads that have owned this slot */
	__u32 state;          /* enum fanlight_inprocess_state */
	__u32 tid;            /* of the owner, in the target's own PID namespace; 0 when free */
	char name[16];        /* of the last owner, NUL-terminated */
};
static_assert(sizeof(struct fanlight_inprocess_ring) == 48, "the layout is shared between programs");

enum fanlight_inprocess_record_kind { /* append, never renumber */
	FANLIGHT_INPROCESS_SAMPLE = 1,
	/* The last word of `addresses` is a number of bytes, the two before it are a W3C trace id, and the words before
	 * these begin with so many bytes: attributes of the thread's record of OTEP-4947. */
	FANLIGHT_INPROCESS_LABELLED = 2,
};

enum fanlight_inprocess_record_flags {
	FANLIGHT_INPROCESS_TRUNCATED = 1, /* the stack was deeper than FANLIGHT_INPROCESS_FRAMES */
};
#define FANLIGHT_INPROCESS_STOP_SHIFT 4 /* of flags: enum fanlight_unwind_stop, why the stack ends where it ends */

struct fanlight_inprocess_record {
	__u64 sequence; /* n + 1 of record n; 0 while it is being written */
	__u64 time_ns;  /* CLOCK_MONOTONIC */
	__u64 weight;   /* ns of the thread's CPU time that this sample stands for */
	__u32 tid;      /* in the target's own PID namespace */
	__u16 frames;
	__u8 kind;      /* enum fanlight_inprocess_record_kind */
	__u8 flags;     /* enum fanlight_inprocess_record_flags */
	__u64 addresses[FANLIGHT_INPROCESS_FRAMES]; /* leaf first; with enum fanlight_found in the upper byte */
};
static_assert(sizeof(struct fanlight_inprocess_record) == 1024, "the layout is shared between programs");

#endif
