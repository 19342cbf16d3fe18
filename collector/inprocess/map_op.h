/* SPDX-License-Identifier: Apache-2.0 */
/* The point that a target's registry of subscribers passes on every operation. In: what was done, and how long it took.
 * Out: the USDT probe fanlight:map_op, behind a semaphore. Compiles as C and as C++; link fanlight::inprocess, which
 * holds the semaphore's one definition. */
#ifndef FANLIGHT_COLLECTOR_INPROCESS_MAP_OP_H
#define FANLIGHT_COLLECTOR_INPROCESS_MAP_OP_H

#include <linux/types.h>

/* Without this the note says "no semaphore" and every tracer would have to patch a nop that is always passed. */
#ifndef _SDT_HAS_SEMAPHORES
#define _SDT_HAS_SEMAPHORES 1
#endif
#include <sys/sdt.h>

/* For FANLIGHT_EVENT(map_op, ...) of fanlight/events.h: the probe below, and the ring. */
#define FANLIGHT_PROBE_map_op ~, FANLIGHT_MAP_OP

#ifdef __cplusplus
extern "C" {
#endif

/* The kernel adds 1 for every tracer that is attached. */
extern unsigned short fanlight_map_op_semaphore __attribute__((section(".probes")));

enum fanlight_map_op { /* seen by tracers: append, never renumber */
	FANLIGHT_MAP_OP_INSERT = 0,
	FANLIGHT_MAP_OP_REMOVE = 1,
	FANLIGHT_MAP_OP_LOOKUP = 2,
	FANLIGHT_MAP_OP_ITERATE = 3,
};

#ifdef __cplusplus
}
#endif

/* True while a tracer is attached: read clocks only then. Threads: any. Cost: one load. */
#define FANLIGHT_MAP_OP_ENABLED() (__builtin_expect(__atomic_load_n(&fanlight_map_op_semaphore, __ATOMIC_RELAXED) != 0, 0))

/* Reports one operation. registry: NUL-terminated name; shard: its index, 0 when there is one; op: enum
 * fanlight_map_op; wait_ns: until the lock was held, 0 without a lock; hold_ns: the operation itself. The arguments are
 * evaluated only while a tracer is attached. Threads: any. Cost: one load, or about 0.5 us with a tracer.
 * Arguments of the probe: char *registry, u32 shard, u32 op, u64 wait_ns, u64 hold_ns. */
#define FANLIGHT_MAP_OP(registry, shard, op, wait_ns, hold_ns)                                                 \
	do {                                                                                                   \
		if (FANLIGHT_MAP_OP_ENABLED()) {                                                               \
			const char *fanlight_registry_ = (registry);                                           \
			__u32 fanlight_shard_ = (__u32)(shard);                                                \
			__u32 fanlight_op_ = (__u32)(op);                                                      \
			__u64 fanlight_wait_ = (__u64)(wait_ns);                                               \
			__u64 fanlight_hold_ = (__u64)(hold_ns);                                               \
			DTRACE_PROBE5(fanlight, map_op, fanlight_registry_, fanlight_shard_, fanlight_op_,     \
				      fanlight_wait_, fanlight_hold_);                                         \
		}                                                                                              \
	} while (0)

#endif
