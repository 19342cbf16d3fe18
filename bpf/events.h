/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What the kernel programs hand to user space. In: nothing. Out: one layout, checked by both compilers.
 * Fixed widths, widest first, no implicit padding. Lives for one run: these bytes are never stored. */
#ifndef FANLIGHT_EVENTS_H
#define FANLIGHT_EVENTS_H

#ifndef __cplusplus
#define static_assert _Static_assert
#endif
#ifndef __VMLINUX_H__ /* the programs' type header defines these already */
#include <linux/types.h>
#endif

#include "bpf/log_linear.h"
#include "bpf/states.h"
#include "bpf/unwind_tables.h"

/* Histograms made in the kernel: 8 buckets per power of two; 2^40 ns (18 minutes) and above share the last one. */
#define FANLIGHT_HISTOGRAM_BITS 3
#define FANLIGHT_HISTOGRAM_BUCKETS 304

/* What bpf_get_stack gives at most by default (sysctl kernel.perf_event_max_stack). */
#define FANLIGHT_FRAMES 127
#define FANLIGHT_USER_FRAMES 512 /* what the walker gives at most */
#define FANLIGHT_SAMPLE_FRAMES (FANLIGHT_FRAMES + FANLIGHT_USER_FRAMES)

/* Each has its own account of what was produced and what was lost. */
enum fanlight_source {
	FANLIGHT_SOURCE_CPU = 0,
	FANLIGHT_SOURCE_BLOCKED = 1,
	FANLIGHT_SOURCE_SOCKET = 2,
	FANLIGHT_SOURCE_MAP = 3,
	FANLIGHT_SOURCE_THREAD_END = 4,
	FANLIGHT_SOURCE_REGISTRY = 5,
	FANLIGHT_SOURCE_WAKE = 6,
	FANLIGHT_SOURCE_FAULT = 7,
	FANLIGHT_SOURCES = 8
};

/* `produced` is counted before a record is offered, `settled` after it is known whether the ring took it. While the two
 * are equal no program is in between, and `produced` and `ring_full` belong to the same moment. */
struct fanlight_account {
	__u64 produced;
	__u64 ring_full;
	__u64 settled;
};
static_assert(sizeof(struct fanlight_account) == 24, "");

/* Programs that time one of their runs in FANLIGHT_TIMED_ONE_IN themselves (fl_cpu: all), where the kernel does not. */
enum fanlight_timed {
	FANLIGHT_TIMED_SWITCH = 0,
	FANLIGHT_TIMED_WAKING = 1,
	FANLIGHT_TIMED_WAKEUP = 2,
	FANLIGHT_TIMED_SOCKET = 3,
	FANLIGHT_TIMED_CPU = 4,
	FANLIGHT_TIMED_MAP = 5,
	FANLIGHT_TIMED_PROGRAMS = 6
};
#define FANLIGHT_TIMED_ONE_IN 64 /* a power of two */

struct fanlight_self_time {
	__u64 runs; /* those that were timed */
	__u64 ns;
};

/* What could not be counted where it belongs, or never reached a program. */
struct fanlight_misses {
	__u64 no_storage;      /* scheduler events of a thread for which the kernel gave no memory */
	__u64 unseen_switches; /* a thread left a CPU, or came to one, without our being told; see sched.bpf.c */
	__u64 unknown_thread;  /* on-CPU samples of a thread that is not the target's, or not yet known */
	__u64 woke_meanwhile;  /* visits of a thread that ran before its stack was read; they have a sample without one */
	__u64 map_table_full;  /* operations on BPF maps without room to count them */
	__u64 registry_table_full;
	__u64 errno_table_full; /* failed socket writes without room to count their errno */
	__u64 lock_table_full;	/* futex waits without room to count them */
	__u64 signal_table_full; /* signals without room to count them */
	__u64 label_sets_full;	 /* looks at labels of a set that came when there was no room for more */
	__u64 label_slots_full;	 /* times that a thread left its CPU with labels that it had no room to count */
	__u64 labels_unreadable; /* looks at labels that the target's memory did not give */
	__u64 labels_cut;	 /* looks at more labels than we take */
	__u64 preemption_table_full;
};

/* What a thread works on, by its own account: attributes of a record of OTEP-4947, its last entry maybe cut. */
#define FANLIGHT_LABEL_BYTES 188u
#define FANLIGHT_LABEL_MASK 255u	   /* one less than the power of two above */
#define FANLIGHT_LABEL_SETS 4096	   /* told apart in one run */
#define FANLIGHT_LABELS_BEYOND 0xffffffffu /* the number of all sets beyond */
struct fanlight_label_set {
	__u32 bytes;
	__u8 attributes[FANLIGHT_LABEL_BYTES]; /* zero past `bytes`, so that equal sets are equal keys */
};
static_assert(sizeof(struct fanlight_label_set) == 192, "no padding");

/* Where the target keeps its threads' pointers to those records. */
struct fanlight_label_access {
	__s64 offset;  /* from the thread pointer; with a module: from the start of its block */
	__u64 module;  /* reached through the thread's vector; 0: it has a fixed place */
	__u32 enabled; /* set last */
	__u32 pid;     /* whose threads, in the collector's PID namespace */
};

/* Time that a thread did not run with one set of labels: it cannot have changed them meanwhile. */
#define FANLIGHT_LABEL_SLOTS 24 /* of one thread; the last one counts all sets beyond */
struct fanlight_label_time {
	__u64 ns[FANLIGHT_REASONS - 1]; /* by reason less one: time that it ran is not here */
	__u32 labels;			/* number of the set */
	__u32 unused;
};
static_assert(sizeof(struct fanlight_label_time) == 8 * FANLIGHT_REASONS, "no padding");

enum fanlight_sample_flags {
	FANLIGHT_SAME_STACK = 1, /* the thread has not moved since its last visit: its stack is left out */
	FANLIGHT_CUT_STACK = 2,  /* the user stack goes on after the last frame, for want of room */
	FANLIGHT_WAIT_BEGINS = 8,    /* the wait begins here: how long it was comes with FANLIGHT_SAME_STACK, if at all */
	FANLIGHT_WOKE_MEANWHILE = 4 /* the thread ran before its stack was read: there is none, but it did wait then */
};

/* One stack. Ring buffer and visits; only the frames in use are handed over. */
struct fanlight_sample {
	__u64 time_ns; /* CLOCK_MONOTONIC, as bpf_ktime_get_ns() */
	__u64 weight;  /* CPU: ns; blocked: the futex's address or 0, user space knows the time, but after a wait that was
		      * told of as it began: ns; socket: bytes; map: ns; wake: ns waited; fault: faults */
	__u64 count;   /* events that it stands for */
	__u32 source;  /* enum fanlight_source */
	__u32 tid;     /* in the collector's PID namespace */
	__u32 pid;     /* its process; 0: the only one */
	__u32 other;   /* wake: the waker's tid, in the collector's PID namespace; 0: an interrupt */
	__u16 reason;  /* enum fanlight_reason */
	__u16 flags;   /* enum fanlight_sample_flags */
	__u16 user_frames;
	__u8 kernel_frames;
	__u8 stop; /* enum fanlight_unwind_stop: why the user stack ends where it ends */
	__u64 trace_id[2]; /* of the thread's record, its bytes in their order; 0: none */
	__u64 span_id;
	__u32 labels; /* number of its set of labels; 0: none */
	__u32 unused;
	__u64 frames[FANLIGHT_SAMPLE_FRAMES]; /* kernel leaf first, then user leaf first, these with enum fanlight_found */
};
#define FANLIGHT_SAMPLE_HEAD 80
static_assert(sizeof(struct fanlight_sample) == FANLIGHT_SAMPLE_HEAD + 8 * FANLIGHT_SAMPLE_FRAMES, "no padding");

enum fanlight_timeline_kind {
	FANLIGHT_TIMELINE_STATE = 1, /* the thread is in `reason` from now on, on `cpu` when it runs */
	FANLIGHT_TIMELINE_WAKE = 2,  /* `other` begins to wake it; 0: an interrupt */
	FANLIGHT_TIMELINE_END = 3    /* it has ended, or become another program */
};

struct fanlight_timeline_record {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u32 tid;     /* in the collector's PID namespace */
	__u32 other;
	__u16 cpu; /* where it happened */
	__u8 kind; /* enum fanlight_timeline_kind */
	__u8 reason;
	__u32 unused;
};
static_assert(sizeof(struct fanlight_timeline_record) == 24, "no padding");

#define FANLIGHT_TIMELINE_RECORDS 16384 /* a power of two; of one CPU */

/* Of one CPU. A record is whole once `head` has passed it, and until `head` is as many records further. */
struct fanlight_timeline {
	__u64 head; /* records written so far */
	struct fanlight_timeline_record at[FANLIGHT_TIMELINE_RECORDS];
};

enum fanlight_thread_flags {
	FANLIGHT_THREAD_ENDED = 1,
	FANLIGHT_THREAD_TORN = 2, /* it changed under every attempt to copy it: its times are not to be used */
	FANLIGHT_THREAD_EXEC = 4  /* with FANLIGHT_THREAD_ENDED: it goes on as another program, in a life of its own */
};

/* Everything counted for one thread. Readings and thread ends. */
struct fanlight_thread {
	__u64 from_ns;
	__u64 to_ns; /* the sum of `ns` is to_ns - from_ns */
	__u64 ns[FANLIGHT_REASONS];
	__u64 switches_voluntary;
	__u64 switches_preempted;
	__u64 migrations;
	__u64 wakeups;
	__u64 socket_writes;
	__u64 socket_bytes;
	__u64 socket_would_block;
	__u64 socket_errors;
	__u32 tid; /* in the collector's PID namespace */
	__u32 flags;
	__u32 siblings; /* threads of the process at that moment, this one included; 0 in thread ends */
	__u32 pid;      /* its process, in the collector's PID namespace */
	__u32 label_slots; /* so many struct fanlight_label_time follow the record */
	__u32 unused;
	char name[16];
	__u32 run_queue[FANLIGHT_HISTOGRAM_BUCKETS];
};
#define FANLIGHT_THREAD_HEAD (16 + 8 * FANLIGHT_REASONS + 64 + 40)
static_assert(sizeof(struct fanlight_thread) == FANLIGHT_THREAD_HEAD + 4 * FANLIGHT_HISTOGRAM_BUCKETS, "no padding");

/* Failed writes of one life of a thread. A tid comes round again, so its birth belongs to the key. */
struct fanlight_socket_error {
	__u64 from_ns; /* as in the thread's record */
	__u32 tid;     /* as in the thread's record */
	__u32 number;  /* errno, above 0; never EAGAIN, which has a counter in the record */
};
static_assert(sizeof(struct fanlight_socket_error) == 16, "no padding");

/* Waits for one futex that are over. */
struct fanlight_lock {
	__u64 waits;
	__u64 wait_ns;
	__u32 command; /* of futex(2) at the last wait */
	__u32 holder;  /* thread id, as the target numbers it, that a mutex there names as owner most often; 0: none */
	__u32 votes;   /* internal to the count of `holder` */
	__u32 unused;
	__u32 wait[FANLIGHT_HISTOGRAM_BUCKETS];
};
static_assert(sizeof(struct fanlight_lock) == 32 + 4 * FANLIGHT_HISTOGRAM_BUCKETS, "no padding");

/* One TCP connection of the target as it stands. Readings. Sums are since it was opened. */
struct fanlight_connection {
	__u64 socket; /* tells apart connections that have the same addresses one after the other */
	__u64 time_ns;
	__u64 bytes_sent;
	__u64 bytes_acked;
	__u64 bytes_received;
	__u64 busy;           /* jiffies in which something was on its way to the peer */
	__u64 peer_limited;   /* of that: the peer's window was full */
	__u64 buffer_limited; /* of that: our own buffer was too small to keep the path busy */
	__u32 queued;         /* bytes written and not acknowledged */
	__u32 unsent;         /* of these, not even sent */
	__u32 unread;         /* bytes received that the target has not read */
	__u32 send_buffer;
	__u32 retransmits;
	__u32 rtt_us; /* smoothed; 0: not yet known */
	__u32 rtt_deviation_us;
	__u32 congestion_window; /* packets */
	__u16 family;            /* AF_INET, AF_INET6 */
	__u16 state;             /* as in include/net/tcp_states.h */
	__u16 local_port;
	__u16 peer_port;
	__u8 local[16]; /* the first four are used with AF_INET */
	__u8 peer[16];
};
static_assert(sizeof(struct fanlight_connection) == 136, "no padding");

/* TCP of the target, and how long its writes to TCP took. Written by programs on all CPUs, read in place. */
struct fanlight_network {
	__u64 opened;   /* by the target's connect */
	__u64 refused;  /* of connects, those that came to nothing */
	__u64 accepted; /* handshakes that a listener of the target completed */
	__u64 closed;
	__u64 retransmits;        /* segments of connections that stand */
	__u64 syn_retransmits;    /* of the target's connects */
	__u64 synack_retransmits; /* of the target's listeners */
	__u64 resets_sent;
	__u64 resets_received;
	__u64 marked;                                   /* writes that were waited for until they were acknowledged */
	__u32 connect[FANLIGHT_HISTOGRAM_BUCKETS];      /* ns from SYN to established */
	__u32 handshake[FANLIGHT_HISTOGRAM_BUCKETS];    /* ns from the listener's SYN-ACK to its acknowledgement */
	__u32 acknowledged[FANLIGHT_HISTOGRAM_BUCKETS]; /* ns from a write until all of it was */
	__u32 call[FANLIGHT_HISTOGRAM_BUCKETS];         /* ns that a write took in the kernel, waiting included */
};

/* What the programs that time writes do at the moment. They are attached in windows: see collector/kernel/timing.hpp. */
enum fanlight_timing {
	FANLIGHT_TIMING_OFF = 0,
	FANLIGHT_TIMING_ON = 1,
	FANLIGHT_TIMING_ENDING = 2 /* what was begun is still waited for, nothing is begun */
};

enum fanlight_signal_what {
	FANLIGHT_SIGNAL_SENT = 0, /* by another process, which `sender` and `name` tell */
	FANLIGHT_SIGNAL_BY_ITSELF = 1,
	FANLIGHT_SIGNAL_BY_KERNEL = 2,
	FANLIGHT_SIGNAL_DELIVERED = 3
};

struct fanlight_signal {
	__u32 number;
	__u32 what;   /* enum fanlight_signal_what */
	__u32 sender; /* in the collector's PID namespace */
	char name[16];
};
static_assert(sizeof(struct fanlight_signal) == 28, "no padding");

/* A BPF map of this kernel, whoever holds it. */
struct fanlight_map_state {
	__u64 entries; /* ~0: not counted */
	__u32 map_id;
	__u32 type; /* enum bpf_map_type */
	__u32 max_entries;
	__u32 unused;
	char name[16];
};
static_assert(sizeof(struct fanlight_map_state) == 40, "no padding");

/* Whose CPU was taken, and by a thread of which name. */
struct fanlight_preemption_key {
	__u32 tid; /* in the collector's PID namespace */
	char by[16];
};
static_assert(sizeof(struct fanlight_preemption_key) == 20, "no padding");

struct fanlight_preemption {
	__u64 count;
	__u64 ns; /* until it was back on a CPU */
};

struct fanlight_map_key {
	__u32 map_id;  /* 0: the descriptor named no map */
	__u32 command; /* enum bpf_cmd */
};

struct fanlight_map_count {
	__u64 count;
	__u64 errors;
	__u64 total_ns;
	__u32 type; /* enum bpf_map_type */
	__u32 unused;
	char name[16];
	__u32 latency[FANLIGHT_HISTOGRAM_BUCKETS];
};

struct fanlight_registry_key {
	char registry[24];
	__u32 shard;
	__u32 operation; /* 0 insert, 1 remove, 2 lookup, 3 iterate */
};

struct fanlight_registry_count {
	__u64 count;
	__u64 wait_ns;
	__u64 hold_ns;
	__u32 wait[FANLIGHT_HISTOGRAM_BUCKETS];
};

/* The bucket of a value, with everything from 2^40 up in the last. */
FANLIGHT_INLINE unsigned int fanlight_capped_bucket(__u64 value)
{
	unsigned int bucket = fanlight_bucket(value, FANLIGHT_HISTOGRAM_BITS);
	return bucket < FANLIGHT_HISTOGRAM_BUCKETS ? bucket : FANLIGHT_HISTOGRAM_BUCKETS - 1;
}

#endif
