/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Whom we look at. In: a task. Out: is it one of the target's threads, and what the collector calls it. */
#ifndef FANLIGHT_TARGET_BPF_H
#define FANLIGHT_TARGET_BPF_H

#include "bpf/kernel_types.bpf.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* Defined in target.bpf.c; written once, by fl_select. */
extern __u32 target_tgid;           /* as the kernel numbers it; ~0 matches nobody */
extern __u64 target_start_ns;       /* tells the target from a later process with its number; 0: unknown */
extern __u64 window_start_ns;       /* when the target was selected */
extern __u32 collector_level;       /* depth of the collector's PID namespace */
extern unsigned long map_operations; /* address that marks an open file as a BPF map; 0: unknown */

/* One process alone is known by its number, at no cost to others. Several, or one with its children, are known by the
 * record that each of their threads has: made when it is selected, inherited from whoever starts it. */
extern const volatile __u8 by_record;
extern const volatile __u8 with_children; /* of them, processes count as well */
extern const volatile __u8 from_exec;     /* the one selected counts from its next exec on, no earlier */
extern const volatile char adopted_comm[16]; /* whoever becomes a program of that name joins; empty: nobody */

static __always_inline bool has_target_tgid(struct task_struct *task)
{
	return (__u32)task->tgid == target_tgid;
}

/* Asked when a thread is seen for the first time: pids come round again. */
static __always_inline bool is_target(struct task_struct *task)
{
	return has_target_tgid(task) && (!target_start_ns || BPF_CORE_READ(task, group_leader, start_time) == target_start_ns);
}

static __always_inline __u32 number_of(struct pid *pid)
{
	__u32 number = 0;

	/* A dead thread has given its pid back; the number alone stays. */
	if (pid)
		bpf_probe_read_kernel(&number, sizeof(number),
				      (void *)pid + bpf_core_field_offset(struct pid, numbers) +
					      collector_level * bpf_core_type_size(struct upid));
	return number;
}

static __always_inline __u32 tid_of(struct task_struct *task)
{
	return number_of(BPF_CORE_READ(task, thread_pid)) ?: (__u32)task->pid;
}

static __always_inline __u32 pid_of(struct task_struct *task)
{
	return number_of(BPF_CORE_READ(task, group_leader, thread_pid)) ?: (__u32)task->tgid;
}

#endif
