/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Waits for futexes, by address. In: a thread that blocks in futex(2), and the same thread when it is let go. Out: counts
 * that user space reads. */
#ifndef FANLIGHT_LOCKS_BPF_H
#define FANLIGHT_LOCKS_BPF_H

#include "bpf/reason.bpf.h"
#include "bpf/threads.bpf.h"

#define OWNER_AT 8	   /* of pthread_mutex_t; glibc, sysdeps/nptl/bits/struct_mutex.h, x86-64: lock, count, owner */

struct lock_table {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64); /* address in the target */
	__type(value, struct fanlight_lock);
};
extern struct lock_table locks SEC(".maps");

struct empty_lock {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fanlight_lock);
};
extern struct empty_lock no_lock SEC(".maps");

/* The thread is the one that runs, on its way out, so its memory can be read where it is present. */
static __always_inline void begin_futex_wait(struct task_struct *task, struct thread *thread, __u64 now)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	__u32 owner = 0;

	thread->lock = 0;
	if (regs->orig_ax != __NR_futex)
		return;
	thread->lock = regs->di;
	thread->lock_since_ns = now;
	thread->lock_command = regs->si & FUTEX_COMMAND;
	if (bpf_probe_read_user(&owner, sizeof(owner), (void *)(thread->lock + OWNER_AT)))
		owner = 0;
	thread->lock_owner = owner;
}

static __always_inline void end_futex_wait(struct thread *thread, __u64 until)
{
	__u64 address = thread->lock;
	__u64 waited = until > thread->lock_since_ns ? until - thread->lock_since_ns : 0;
	__u32 zero = 0;

	thread->lock = 0;
	struct fanlight_lock *lock = bpf_map_lookup_elem(&locks, &address);
	if (!lock) {
		void *none = bpf_map_lookup_elem(&no_lock, &zero);
		if (none)
			bpf_map_update_elem(&locks, &address, none, BPF_NOEXIST);
		lock = bpf_map_lookup_elem(&locks, &address);
		if (!lock) {
			__sync_fetch_and_add(&misses.lock_table_full, 1);
			return;
		}
	}
	lock->command = thread->lock_command;
	__sync_fetch_and_add(&lock->waits, 1);
	__sync_fetch_and_add(&lock->wait_ns, waited);
	__u32 bucket = fanlight_capped_bucket(waited);
	if (bucket < FANLIGHT_HISTOGRAM_BUCKETS)
		__sync_fetch_and_add(&lock->wait[bucket], 1);
	/* The majority, in one pass: Boyer and Moore, "MJRTY", 1981. Two threads at once may spoil a vote, no more. */
	if (lock->holder == thread->lock_owner) {
		lock->votes++;
	} else if (lock->votes) {
		lock->votes--;
	} else {
		lock->holder = thread->lock_owner;
		lock->votes = 1;
	}
}

#endif
