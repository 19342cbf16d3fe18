// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* Selects the target: an iterator over one pid, which the kernel looks up in the PID namespace of whoever reads it. So
 * the number that user space knows finds the right process in any container. */
#include "bpf/reason.bpf.h"
#include "bpf/threads.bpf.h"

__u32 target_tgid = ~0u;
__u64 target_start_ns = 0;
__u64 window_start_ns = 0;
__u32 collector_level = 0;
unsigned long map_operations = 0;
__u32 own_map_fd = 0; /* a BPF map among the collector's open files; shows what such files look like */
__u32 select_number_only = 0; /* the process is noted, and does not count yet */
const volatile __u8 by_record = 0;
const volatile __u8 with_children = 0;
const volatile __u8 from_exec = 0;
const volatile char adopted_comm[16] = {};

SEC("iter/task")
int fl_select(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (!task)
		return 0;
	if (target_tgid != ~0u) {
		/* The other threads of the first process, and other processes. What one did before now was not seen. */
		if (by_record && !select_number_only && !(state_of(task) & TASK_DEAD))
			adopt(task, bpf_ktime_get_ns());
		return 0;
	}
	struct task_struct *collector = (struct task_struct *)bpf_get_current_task_btf();
	collector_level = BPF_CORE_READ(collector, thread_pid, level);
	map_operations = (unsigned long)BPF_CORE_READ(open_file(collector, own_map_fd), f_op);
	target_start_ns = BPF_CORE_READ(task, group_leader, start_time);
	window_start_ns = bpf_ktime_get_ns();
	if (by_record && !select_number_only)
		adopt(task, window_start_ns);
	/* An exchange is a full barrier: whoever sees the number sees the rest. */
	__sync_lock_test_and_set(&target_tgid, (__u32)task->tgid);
	return 0;
}
