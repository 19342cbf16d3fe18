/* SPDX-License-Identifier: Apache-2.0 */
/* The sampler inside the program, for C; C++ has `fanlight::Sampler` and `ThreadScope`. In: when it begins, and which
 * threads it samples. Out: stacks in shared memory, read by any collector that comes by. Needs libc alone. */
#ifndef FANLIGHT_SAMPLER_H
#define FANLIGHT_SAMPLER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Starts publishing, with at most `max_threads` (1 to 1024) sampled at one time, `hz` (0: metrics only; to 10,000) times
 * per second of their CPU time. Call it once, early in main. Returns 0 or an errno value: EALREADY when started before,
 * EINVAL for what is out of range, EBUSY when the program handles SIGPROF itself, else what memfd_create or mmap said;
 * all else here and in metrics.h stays valid and does nothing. Calls that SA_RESTART does not restart, such as
 * epoll_wait, can return EINTR in sampled threads. Threads: one. Cost: some ms, for unwind tables. */
int fanlight_start(unsigned hz, unsigned max_threads);

/* Room for what a sampled thread needs; nothing in it is for the program. */
typedef struct fanlight_thread {
	uint64_t reserved[3];
} fanlight_thread;

/* Samples the calling thread from here to `fanlight_thread_end`, in the same thread, and names it (15 bytes; null: as it
 * is named). Returns 1, or 0 when it is not sampled: nothing is started, no room is left, or it is sampled already; end
 * it all the same. Threads: any. Cost: a few us, mostly for the timer. */
int fanlight_thread_begin(fanlight_thread *thread, const char *name);
void fanlight_thread_end(fanlight_thread *thread);

#ifdef __cplusplus
}
#endif

#endif
