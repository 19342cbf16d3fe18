/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What we know of one thread, kept by the kernel with the task itself: it moves with it and dies with it.
 * In: a task. Out: its record, made on first sight. */
#ifndef FANLIGHT_THREADS_BPF_H
#define FANLIGHT_THREADS_BPF_H

#include "bpf/target.bpf.h"

#include "bpf/events.h"
#include "bpf/labels.bpf.h"

/* Since when, and what: one word, so that whoever sees a thread first sets both in one step. 0: not yet known. */
#define REASON_BITS 5
#define REASON_MASK ((1u << REASON_BITS) - 1)
static_assert(FANLIGHT_REASONS <= 1 << REASON_BITS, "a reason must fit beside the time");

/* What every event touches comes first, in one cache line. */
struct thread {
	__u64 position;                /* since_ns << REASON_BITS | reason */
	__u64 changes;                 /* odd while a program is changing the thread */
	__u64 waking_ns;               /* when somebody began to wake it; 0: nobody has since it last ran */
	__u64 runnable_ns;             /* when it last stopped being blocked or running */
	__u64 cpu_ns;                  /* the kernel's own count of its CPU time when it last left a CPU */
	__u32 last_cpu;                /* plus 1; 0: not yet known */
	__u32 last_block;              /* the reason it last blocked for */
	__u32 dice;                    /* state of `roll`, never 0 */
	__u32 known;                   /* 0: its record is still being filled in */
	__u64 visited;                 /* `changes` at the last visit, plus 1 */
	__u64 operation_ns;            /* when its bpf(2) call began; 0: in none */
	__u64 call_ns;                 /* when its write to TCP began; 0: in none that is timed */
	__u64 lock;                    /* address of the futex it waits for; 0: none */
	__u64 lock_since_ns;           /* since when */
	__u32 lock_command;            /* of futex(2) */
	__u32 lock_owner;              /* whom a mutex there names as its owner */
	__u64 trace_id[2];             /* when it last left a CPU, as in a sample */
	__u64 span_id;
	__u32 labels;                  /* number of its set of labels then */
	__u32 label_slot;              /* plus 1, where they are counted in `label_time`; 0: they are not */
	__u32 labels_known;            /* it has left a CPU since its labels can be read */
	__u32 unused2;
	struct fanlight_label_set label_set; /* those that `labels` is the number of */
	char preempted_by[16];         /* who has its CPU since it was preempted; empty: nobody */
	__u32 mapped_like;             /* the process whose memory its own began as a copy of; 0: none */
	__u32 unused;
	__u64 away_since_ns;           /* it left its CPU then and its stack was taken; 0: none was */
	__u32 away_reason;             /* why it left */
	__u32 away_one_in;             /* how many switches that stack stands for */
	struct fanlight_thread totals; /* up to `position`; the interval that is open now is not in it */
	struct fanlight_label_time label_time[FANLIGHT_LABEL_SLOTS]; /* right behind, so that both are handed over as one */
};
static_assert(__builtin_offsetof(struct thread, label_time) ==
		      __builtin_offsetof(struct thread, totals) + sizeof(struct fanlight_thread),
	      "no padding between them");

struct thread_map {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread);
};
extern struct thread_map threads SEC(".maps");
extern struct fanlight_misses misses;

static __always_inline struct thread *known_thread(struct task_struct *task)
{
	struct thread *thread = bpf_task_storage_get(&threads, task, 0, 0);

	return by_record && thread && !*(volatile __u32 *)&thread->known ? NULL : thread;
}

/* Makes the record of a thread of the target. `from_ns`: since when it counts; 0: since the window began. */
static __always_inline struct thread *adopt(struct task_struct *task, __u64 from_ns)
{
	struct thread *thread = bpf_task_storage_get(&threads, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!thread) {
		__sync_fetch_and_add(&misses.no_storage, 1);
		return NULL;
	}
	if (!thread->totals.tid) {
		thread->totals.from_ns = from_ns;
		thread->totals.pid = pid_of(task);
		thread->totals.tid = tid_of(task);
		thread->dice = bpf_get_prandom_u32() | 1;
		bpf_probe_read_kernel_str(thread->totals.name, sizeof(thread->totals.name), task->comm);
		/* An exchange is a full barrier: whoever sees this sees the rest. */
		__sync_lock_test_and_set(&thread->known, 1);
	}
	return thread;
}

/* The record of a thread of the target; null for others, and where memory is short. */
static __always_inline struct thread *thread_of(struct task_struct *task)
{
	if (by_record)
		return known_thread(task);
	if (!has_target_tgid(task))
		return NULL;
	struct thread *thread = known_thread(task);
	if (thread)
		return thread;
	return is_target(task) ? adopt(task, 0) : NULL;
}

/* Is it one of the target's threads? Before the first record of one process alone is made, too. */
static __always_inline bool is_watched(struct task_struct *task)
{
	return by_record ? known_thread(task) != NULL : has_target_tgid(task);
}

/* Settles where a thread was before its first event. Nothing happened to it since it began to count, or we would have
 * seen it: so it has been there since then. Whoever comes second changes nothing. */
static __always_inline void assume(struct thread *thread, __u32 reason)
{
	if (!thread->position)
		__sync_val_compare_and_swap(&thread->position, 0,
					    (thread->totals.from_ns ?: window_start_ns) << REASON_BITS | reason);
}

/* A random number for the thread itself: 3 ns, where bpf_get_prandom_u32 takes 33.
 * Source: Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8(14), 2003. */
static __always_inline __u32 roll(struct thread *thread)
{
	__u32 dice = thread->dice;

	dice ^= dice << 13;
	dice ^= dice >> 17;
	dice ^= dice << 5;
	thread->dice = dice;
	return dice;
}

static __always_inline __u32 reason_now(const struct thread *thread)
{
	return thread->position & REASON_MASK;
}

/* The place of a reason among those of a label's times, which leave out running; beyond all of them for running. Hidden
 * from the compiler, which would ask for "not 0" instead, and 6.1 does not learn a bound from that. */
static __always_inline __u32 wait_of(__u32 reason)
{
	__u32 place = reason - 1;

	asm volatile("" : "+r"(place));
	return place;
}

/* Books the open interval and opens the next. Calls for one thread never overlap: the scheduler makes them under the
 * lock of the run queue that holds it. */
static __always_inline void enter(struct thread *thread, __u64 now, __u32 reason)
{
	__u64 since = thread->position >> REASON_BITS;
	__u32 before = reason_now(thread);

	if (now < since)
		now = since;
	if (before < FANLIGHT_REASONS)
		thread->totals.ns[before] += now - since;
	__u32 slot = thread->label_slot - 1, wait = wait_of(before);
	if (wait < FANLIGHT_REASONS - 1 && slot < FANLIGHT_LABEL_SLOTS)
		thread->label_time[slot].ns[wait] += now - since;
	thread->position = now << REASON_BITS | reason;
}

static __always_inline __u64 cpu_time(struct task_struct *task)
{
	return task->se.sum_exec_runtime;
}

/* Around every change, so that a copy made meanwhile can tell. */
static __always_inline void begin_change(struct thread *thread)
{
	thread->changes++;
	barrier();
}

static __always_inline void end_change(struct thread *thread)
{
	barrier();
	thread->changes++;
}

#endif
