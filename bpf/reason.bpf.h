/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Why a thread is not running. In: a task that has left its CPU. Out: one of `enum fanlight_reason`.
 * Tasks come here as pointers that the verifier knows, so their fields are read by plain loads: a call of
 * bpf_probe_read_kernel for each cost 10 ns, and a switch reads ten of them. */
#ifndef FANLIGHT_REASON_BPF_H
#define FANLIGHT_REASON_BPF_H

#include "bpf/target.bpf.h"

#include "bpf/states.h"
#include "bpf/syscalls.h"

#define FILE_TYPE 0170000
#define FILE_SOCKET 0140000
#define FILE_PIPE 0010000

static __always_inline __u32 state_of(struct task_struct *task)
{
	if (bpf_core_field_exists(task->__state))
		return task->__state;
	return ((struct task_struct___before_5_14 *)task)->state;
}

/* A kernel that is built for one CPU has no field for it: there only who asks runs. */
static __always_inline bool on_a_cpu(struct task_struct *task)
{
	if (bpf_core_field_exists(task->on_cpu))
		return task->on_cpu;
	return task == (struct task_struct *)bpf_get_current_task_btf();
}

static __always_inline struct file *open_file(struct task_struct *task, __u64 fd)
{
	struct fdtable *table = task->files->fdt;
	struct file *file = NULL;

	if (fd < table->max_fds)
		bpf_probe_read_kernel(&file, sizeof(file), table->fd + fd);
	return file;
}

static __always_inline __u32 reason_of_file(struct task_struct *task, __u64 fd, __u32 if_socket)
{
	switch (BPF_CORE_READ(open_file(task, fd), f_inode, i_mode) & FILE_TYPE) {
	case FILE_SOCKET:
		return if_socket;
	case FILE_PIPE:
		return FANLIGHT_BLOCKED_PIPE;
	}
	return FANLIGHT_BLOCKED_OTHER;
}

/* True while somebody waits for the lock on the task's address space. For a task in an uninterruptible wait that is no
 * disk wait, that somebody is almost always the task itself. */
static __always_inline bool address_space_contended(struct task_struct *task)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);

	if (!mm || !bpf_core_field_exists(mm->mmap_lock.wait_list))
		return false;
	struct list_head *head = (void *)mm + bpf_core_field_offset(mm->mmap_lock.wait_list);
	return BPF_CORE_READ(head, next) != head;
}

#define FUTEX_COMMAND 0x7f /* include/uapi/linux/futex.h: the rest are flags */
#define FUTEX_WAIT_BITSET 9
#define FUTEX_WAIT_REQUEUE_PI 11

/* glibc 2.36, nptl: lowlevellock.c waits with FUTEX_WAIT, futex-internal.c with FUTEX_WAIT_BITSET. */
static __always_inline bool is_condition(const struct pt_regs *regs)
{
	__u32 command = regs->si & FUTEX_COMMAND;

	return regs->orig_ax == __NR_futex && (command == FUTEX_WAIT_BITSET || command == FUTEX_WAIT_REQUEUE_PI);
}

/* Has its cgroup used up its share of CPU time? From 6.18 on each thread says so itself, before that its queue does. */
static __always_inline bool is_throttled(struct task_struct *task)
{
	struct task_struct___from_6_18 *newer = (void *)task;

	if (bpf_core_field_exists(newer->throttled))
		return newer->throttled;
	if (!bpf_core_field_exists(task->se.cfs_rq) || !bpf_core_field_exists(((struct cfs_rq *)0)->throttle_count))
		return false;
	return BPF_CORE_READ(task, se.cfs_rq, throttle_count) > 0;
}

/* `last`: what it blocked for before, since a restarted call does not say. */
static __always_inline __u32 blocked_reason(struct task_struct *task, __u32 state, __u32 last)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	enum fanlight_call call = fanlight_call_of((long)regs->orig_ax);

	if (state & (TASK_STOPPED | TASK_TRACED))
		return FANLIGHT_BLOCKED_OTHER;
	if (call == FANLIGHT_CALL_FUTEX)
		return is_condition(regs) ? FANLIGHT_BLOCKED_CONDITION : FANLIGHT_BLOCKED_FUTEX;
	if (call == FANLIGHT_CALL_FUTEX_VECTOR)
		return FANLIGHT_BLOCKED_CONDITION;
	if (call == FANLIGHT_CALL_RING)
		return FANLIGHT_BLOCKED_IO_URING;
	if (call == FANLIGHT_CALL_POLL)
		return FANLIGHT_BLOCKED_POLL;
	if (state & TASK_UNINTERRUPTIBLE) {
		if (call != FANLIGHT_CALL_NONE && BPF_CORE_READ_BITFIELD(task, in_iowait))
			return FANLIGHT_BLOCKED_DISK;
		if (!BPF_CORE_READ_BITFIELD(task, in_iowait) && address_space_contended(task))
			return FANLIGHT_BLOCKED_MMAP_LOCK;
	}
	switch (call) {
	case FANLIGHT_CALL_SEND:
		return FANLIGHT_BLOCKED_SOCKET_SEND;
	case FANLIGHT_CALL_RECEIVE:
		return FANLIGHT_BLOCKED_SOCKET_RECEIVE;
	case FANLIGHT_CALL_READ:
		return reason_of_file(task, regs->di, FANLIGHT_BLOCKED_SOCKET_RECEIVE);
	case FANLIGHT_CALL_WRITE:
		return reason_of_file(task, regs->di, FANLIGHT_BLOCKED_SOCKET_SEND);
	case FANLIGHT_CALL_SLEEP:
		return FANLIGHT_BLOCKED_SLEEP;
	case FANLIGHT_CALL_EVENT:
		return FANLIGHT_BLOCKED_EVENT;
	case FANLIGHT_CALL_RESTART:
		return fanlight_is_blocked(last) && last < FANLIGHT_REASONS ? last : FANLIGHT_BLOCKED_OTHER;
	case FANLIGHT_CALL_NONE:
		return FANLIGHT_BLOCKED_PAGE_FAULT;
	default:
		return FANLIGHT_BLOCKED_OTHER;
	}
}

/* Where a task is that we have no events of. */
static __always_inline __u32 observed_reason(struct task_struct *task)
{
	__u32 state = state_of(task);

	if (on_a_cpu(task))
		return FANLIGHT_RUNNING;
	if (!state)
		return is_throttled(task) ? FANLIGHT_RUNNABLE_THROTTLED : FANLIGHT_RUNNABLE_QUEUED;
	return blocked_reason(task, state, FANLIGHT_BLOCKED_OTHER);
}

#endif
