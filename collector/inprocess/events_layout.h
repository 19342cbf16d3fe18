/* SPDX-License-Identifier: Apache-2.0 */
/* Events and spans that a target leaves in shared memory. In: nothing. Out: the layout that writer and reader agree on.
 * Compiles as C and as C++, needs no library.
 *
 * One memfd per process, named FANLIGHT_EVENTS_NAME, made when the first event is recorded, mapped shared for the life of
 * the process; or a file of that layout. In this order, each on a page of its own:
 *   header | name_slots x name | ring_slots x ( ring | ring_events x event )
 * Only the target writes. A ring has one producer, the thread that claimed it, and overwrites its oldest event.
 * Publishing event n (from 0): event->sequence = 0; fence; the rest of it; event->sequence = n + 1; ring->head = n + 1.
 * A signal handler's events come between those of the thread that it interrupts, so the newest may not be whole yet while
 * head is past it. What a copy holds is event n when its sequence is n + 1 and head is still below n + ring_events.
 * Heads never go back; a slot passes from a thread that is gone to a new one, and events carry their thread's id. */
#ifndef FANLIGHT_COLLECTOR_INPROCESS_EVENTS_LAYOUT_H
#define FANLIGHT_COLLECTOR_INPROCESS_EVENTS_LAYOUT_H

#include <linux/types.h>

#ifndef __cplusplus
#define static_assert _Static_assert
#endif

#define FANLIGHT_EVENTS_NAME "fanlight-events"
#define FANLIGHT_EVENTS_MAGIC 0x76652d74696c6e66ULL /* "fnlit-ev", little endian */
#define FANLIGHT_EVENTS_VERSION 1u
#define FANLIGHT_EVENTS_PAGE 4096u
#define FANLIGHT_EVENTS_NAMES 1024u   /* name slots at most */
#define FANLIGHT_EVENTS_THREADS 1024u /* ring slots at most */
#define FANLIGHT_EVENTS_RECORDS (1u << 20) /* events per ring at most */
#define FANLIGHT_EVENTS_WORDS 5u

enum fanlight_events_clock { /* append, never renumber */
	FANLIGHT_EVENTS_MONOTONIC = 0, /* ns of CLOCK_MONOTONIC */
	FANLIGHT_EVENTS_TSC = 1,       /* ticks of an invariant time stamp counter; see fanlight_events_header.early and .late */
};

/* The same moment by two clocks. */
struct fanlight_events_moment {
	__u64 ns;    /* CLOCK_MONOTONIC */
	__u64 ticks; /* of the clock that events have */
};

/* ns of an event with `ticks`: early.ns + (ticks - early.ticks) * (late.ns - early.ns) / (late.ticks - early.ticks), where
 * whoever reads on the same machine takes a later moment of its own for `late`. */
struct fanlight_events_header {
	__u64 magic; /* written last, when everything below is valid */
	__u64 total_bytes;
	__u64 names_offset;
	__u64 rings_offset;
	__u64 ring_bytes; /* from one ring to the next: a page and its events */
	struct fanlight_events_moment early;
	struct fanlight_events_moment late; /* renewed each time that a thread claims a ring */
	__u64 threads_refused; /* events of threads that found no ring */
	__u64 names_refused;   /* names that found no slot */
	__u32 version;
	__u32 pid; /* in the target's own PID namespace */
	__u32 clock;
	__u32 name_slots;
	__u32 ring_slots;
	__u32 ring_events; /* a power of two */
	__u32 rings_used;  /* one above the highest ring that was ever claimed */
	__u32 reserved;
};
static_assert(sizeof(struct fanlight_events_header) == 120, "the layout is shared between programs");

enum fanlight_events_state { /* of a name or ring slot */
	FANLIGHT_EVENTS_FREE = 0,
	FANLIGHT_EVENTS_CLAIMED = 1, /* being filled in */
	FANLIGHT_EVENTS_READY = 2,
};

/* What an event's type, a span, or a text among an event's words is called. Id: its slot's index plus 1. */
struct fanlight_events_name {
	__u32 state;
	__u32 reserved;
	char text[120]; /* NUL-terminated; of an event: its name, '(', what its words are called, ", " between, ')' */
};
static_assert(sizeof(struct fanlight_events_name) == 128, "the layout is shared between programs");

struct fanlight_events_ring {
	__u64 head;   /* events ever begun */
	__u64 claims; /* threads that have owned this slot */
	__u32 state;
	__u32 tid; /* of the owner, in the target's own PID namespace */
};
static_assert(sizeof(struct fanlight_events_ring) == 24, "the layout is shared between programs");

enum fanlight_events_kind { /* append, never renumber */
	FANLIGHT_EVENTS_EVENT = 1,
	FANLIGHT_EVENTS_SPAN = 2, /* words[0]: how long it took, in ticks */
};

struct fanlight_events_event {
	__u64 sequence; /* n + 1 of event n; 0 while it is being written */
	__u64 time;     /* by the header's clock; of a span: its begin */
	__u64 words[FANLIGHT_EVENTS_WORDS];
	__u32 tid;
	__u16 name;   /* id */
	__u8 kind;    /* enum fanlight_events_kind */
	__u8 strings; /* a bit for each word that is the id of a name */
};
static_assert(sizeof(struct fanlight_events_event) == 64, "the layout is shared between programs");

#endif
