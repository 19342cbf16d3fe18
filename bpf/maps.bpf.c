// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* Operations on BPF maps by the target, through bpf(2): counts, errors, time and latency per map and command.
 * Attached only while the target holds maps: these two points tax every system call of every process. */
#include "bpf/emit.bpf.h"
#include "bpf/reason.bpf.h"
#include "bpf/threads.bpf.h"

#define ONE_IN 32
#define OWN_FRAMES 2 /* this program and what ran it */

struct scratch_map operation_scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct fanlight_map_key);
	__type(value, struct fanlight_map_count);
} operations SEC(".maps");

/* Stays zero: what a new entry starts as. Too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fanlight_map_count);
} no_operations SEC(".maps");

/* Where in the call's attributes the map's descriptor stands; -1: no operation on a map's content. */
static __always_inline int descriptor_offset(__u64 command)
{
	switch (command) {
	case BPF_MAP_LOOKUP_ELEM:
	case BPF_MAP_UPDATE_ELEM:
	case BPF_MAP_DELETE_ELEM:
	case BPF_MAP_GET_NEXT_KEY:
	case BPF_MAP_LOOKUP_AND_DELETE_ELEM:
		return 0;
	case BPF_MAP_LOOKUP_BATCH:
	case BPF_MAP_LOOKUP_AND_DELETE_BATCH:
	case BPF_MAP_UPDATE_BATCH:
	case BPF_MAP_DELETE_BATCH:
		return __builtin_offsetof(union bpf_attr, batch.map_fd);
	}
	return -1;
}

static __always_inline struct bpf_map *map_of(struct task_struct *task, __u32 fd)
{
	struct file *file = open_file(task, fd);

	if (!map_operations || (unsigned long)BPF_CORE_READ(file, f_op) != map_operations)
		return NULL;
	return BPF_CORE_READ(file, private_data);
}

static __always_inline void sample_operation(void *ctx, struct thread *thread, __u64 now, __u64 duration)
{
	struct sample_room *room = room_in(&operation_scratch);

	if (!room)
		return;
	struct fanlight_sample *sample = &room->sample;
	sample->time_ns = now;
	sample->weight = duration * ONE_IN;
	sample->count = ONE_IN;
	sample->tid = thread->totals.tid;
	sample->pid = thread->totals.pid;
	sample->reason = FANLIGHT_RUNNING;
	take_stacks(ctx, room, FANLIGHT_SOURCE_MAP, OWN_FRAMES);
	emit_sample(FANLIGHT_SOURCE_MAP, sample);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(fl_map_enter, struct pt_regs *regs, long number)
{
	if (number != __NR_bpf)
		return 0;
	struct thread *thread = thread_of((struct task_struct *)bpf_get_current_task_btf());

	if (thread)
		thread->operation_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(fl_map_exit, struct pt_regs *regs, long result)
{
	if (BPF_CORE_READ(regs, orig_ax) != __NR_bpf)
		return 0;
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();
	struct thread *thread = thread_of(task);
	if (!thread || !thread->operation_ns)
		return 0;
	__u64 now = bpf_ktime_get_ns();
	__u64 duration = now - thread->operation_ns;
	thread->operation_ns = 0;

	/* Read on the way out: by now the kernel has touched the page itself, so it is there. */
	struct fanlight_map_key key = {.command = BPF_CORE_READ(regs, di)};
	int offset = descriptor_offset(key.command);
	__u32 fd = 0;
	if (offset < 0)
		return 0;
	struct bpf_map *map = NULL;
	if (!bpf_probe_read_user(&fd, sizeof(fd), (void *)BPF_CORE_READ(regs, si) + offset))
		map = map_of(task, fd);
	key.map_id = map ? BPF_CORE_READ(map, id) : 0;

	struct fanlight_map_count *counts = bpf_map_lookup_elem(&operations, &key);
	if (!counts) {
		__u32 zero = 0;
		void *none = bpf_map_lookup_elem(&no_operations, &zero);
		if (none)
			bpf_map_update_elem(&operations, &key, none, BPF_NOEXIST);
		counts = bpf_map_lookup_elem(&operations, &key);
		if (!counts) {
			__sync_fetch_and_add(&misses.map_table_full, 1);
			return 0;
		}
		if (map) {
			counts->type = BPF_CORE_READ(map, map_type);
			BPF_CORE_READ_STR_INTO(&counts->name, map, name);
		}
	}
	__sync_fetch_and_add(&counts->count, 1);
	__sync_fetch_and_add(&counts->total_ns, duration);
	if (result < 0)
		__sync_fetch_and_add(&counts->errors, 1);
	__u32 bucket = fanlight_capped_bucket(duration);
	if (bucket < FANLIGHT_HISTOGRAM_BUCKETS)
		__sync_fetch_and_add(&counts->latency[bucket], 1);
	if (bpf_get_prandom_u32() % ONE_IN == 0)
		sample_operation(ctx, thread, now, duration);
	return 0;
}
