/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What a thread waits for when it blocks inside a system call. In: the number of the call. Out: its kind.
 * Compiles in the kernel and in C++, where its table is tested. x86-64 numbers. */
#ifndef FANLIGHT_SYSCALLS_H
#define FANLIGHT_SYSCALLS_H

#include <asm/unistd_64.h>

enum fanlight_call {
	FANLIGHT_CALL_OTHER,
	FANLIGHT_CALL_FUTEX,
	FANLIGHT_CALL_FUTEX_VECTOR,
	FANLIGHT_CALL_POLL,
	FANLIGHT_CALL_RING,    /* completions of an io_uring */
	FANLIGHT_CALL_SEND,    /* on a socket by its nature */
	FANLIGHT_CALL_RECEIVE, /* on a socket by its nature */
	FANLIGHT_CALL_READ,    /* the first argument's file says of what */
	FANLIGHT_CALL_WRITE,   /* the first argument's file says to what */
	FANLIGHT_CALL_SLEEP,
	FANLIGHT_CALL_EVENT,   /* a signal, or the end of a child */
	FANLIGHT_CALL_RESTART, /* goes on with the call that a signal interrupted */
	FANLIGHT_CALL_NONE     /* not in a call: a page fault, mostly */
};

#ifdef __cplusplus
constexpr inline
#else
static inline __attribute__((always_inline))
#endif
enum fanlight_call fanlight_call_of(long number)
{
	switch (number) {
	case -1:
		return FANLIGHT_CALL_NONE;
	case __NR_futex:
	case 455: /* futex_wait, 6.7 */
		return FANLIGHT_CALL_FUTEX;
	case 449: /* futex_waitv, 5.16 */
		return FANLIGHT_CALL_FUTEX_VECTOR;
	case __NR_io_uring_enter:
		return FANLIGHT_CALL_RING;
	case __NR_epoll_wait:
	case __NR_epoll_pwait:
	case 441: /* epoll_pwait2, 5.11 */
	case __NR_poll:
	case __NR_ppoll:
	case __NR_select:
	case __NR_pselect6:
		return FANLIGHT_CALL_POLL;
	case __NR_sendto:
	case __NR_sendmsg:
	case __NR_sendmmsg:
	case __NR_connect:
		return FANLIGHT_CALL_SEND;
	case __NR_recvfrom:
	case __NR_recvmsg:
	case __NR_recvmmsg:
	case __NR_accept:
	case __NR_accept4:
		return FANLIGHT_CALL_RECEIVE;
	case __NR_read:
	case __NR_readv:
	case __NR_pread64:
	case __NR_preadv:
	case __NR_preadv2:
	case __NR_splice:
		return FANLIGHT_CALL_READ;
	case __NR_write:
	case __NR_writev:
	case __NR_pwrite64:
	case __NR_pwritev:
	case __NR_pwritev2:
	case __NR_sendfile:
	case __NR_vmsplice:
		return FANLIGHT_CALL_WRITE;
	case __NR_nanosleep:
	case __NR_clock_nanosleep:
		return FANLIGHT_CALL_SLEEP;
	case __NR_rt_sigtimedwait:
	case __NR_rt_sigsuspend:
	case __NR_pause:
	case __NR_wait4:
	case __NR_waitid:
		return FANLIGHT_CALL_EVENT;
	case __NR_restart_syscall:
		return FANLIGHT_CALL_RESTART;
	default:
		return FANLIGHT_CALL_OTHER;
	}
}

#endif
