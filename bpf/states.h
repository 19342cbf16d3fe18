/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Where a thread is. In: nothing. Out: one list that the kernel programs, the recording and the views share. */
#ifndef FANLIGHT_STATES_H
#define FANLIGHT_STATES_H

/* A thread is in exactly one of these at every instant: the state and, where it is not running, the reason.
 * Stored in recordings: append before FANLIGHT_REASONS, never renumber. */
enum fanlight_reason {
	FANLIGHT_RUNNING = 0,
	FANLIGHT_RUNNABLE_WAKING = 1,    /* a waker has begun to wake it: sched_waking to sched_wakeup */
	FANLIGHT_RUNNABLE_QUEUED = 2,    /* woken, on a run queue */
	FANLIGHT_RUNNABLE_PREEMPTED = 3, /* taken off its CPU while it could have gone on */
	FANLIGHT_BLOCKED_OTHER = 4,
	FANLIGHT_BLOCKED_FUTEX = 5, /* a futex as locks use it: FUTEX_WAIT, FUTEX_LOCK_PI */
	FANLIGHT_BLOCKED_POLL = 6,  /* epoll, poll, select: idle until something happens */
	FANLIGHT_BLOCKED_SOCKET_SEND = 7,
	FANLIGHT_BLOCKED_SOCKET_RECEIVE = 8,
	FANLIGHT_BLOCKED_PIPE = 9,
	FANLIGHT_BLOCKED_SLEEP = 10,
	FANLIGHT_BLOCKED_DISK = 11,
	FANLIGHT_BLOCKED_PAGE_FAULT = 12,
	FANLIGHT_BLOCKED_MMAP_LOCK = 13,
	FANLIGHT_BLOCKED_EVENT = 14, /* until a signal comes or a child ends: idle */
	FANLIGHT_RUNNABLE_THROTTLED = 15, /* its cgroup has used up its share of CPU time */
	/* A futex as conditions use it: FUTEX_WAIT_BITSET, FUTEX_WAIT_REQUEUE_PI, futex_waitv. In glibc condition
	 * variables, semaphores and joins wait so, and reader-writer locks, which only the stack tells apart. */
	FANLIGHT_BLOCKED_CONDITION = 16,
	FANLIGHT_BLOCKED_IO_URING = 17, /* io_uring_enter, for completions */
	FANLIGHT_REASONS = 18
};

#ifdef __cplusplus
constexpr inline bool
#else
static inline __attribute__((always_inline)) int
#endif
fanlight_is_blocked(unsigned int reason)
{
	return reason >= FANLIGHT_BLOCKED_OTHER && reason != FANLIGHT_RUNNABLE_THROTTLED;
}

#endif
