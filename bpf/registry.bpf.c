// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* Operations on the target's own registries, through its static probe fanlight:map_op(registry, shard, operation,
 * wait_ns, hold_ns). A probe that nobody attached to costs the target one test of a counter. */
#include "bpf/emit.bpf.h"
#include "bpf/threads.bpf.h"

#include <bpf/usdt.bpf.h>

#define ONE_IN 32

struct scratch_map registry_scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct fanlight_registry_key);
	__type(value, struct fanlight_registry_count);
} registries SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fanlight_registry_count);
} no_registry SEC(".maps");

/* The kernel's own frames on the way here say nothing of the target, so they are left out. */
static __always_inline void sample_registry(struct task_struct *task, __u64 duration)
{
	struct sample_room *room = room_in(&registry_scratch);
	struct thread *thread = known_thread(task);

	if (!room)
		return;
	struct fanlight_sample *sample = &room->sample;
	sample->time_ns = bpf_ktime_get_ns();
	sample->weight = duration * ONE_IN;
	sample->count = ONE_IN;
	sample->tid = thread && thread->totals.tid ? thread->totals.tid : tid_of(task);
	sample->pid = thread ? thread->totals.pid : 0;
	sample->reason = FANLIGHT_RUNNING;
	take_user_stack(room, FANLIGHT_SOURCE_REGISTRY, 0);
	emit_sample(FANLIGHT_SOURCE_REGISTRY, sample);
}

SEC("usdt")
int BPF_USDT(fl_registry, const char *name, __u32 shard, __u32 operation, __u64 wait_ns, __u64 hold_ns)
{
	struct fanlight_registry_key key = {.shard = shard, .operation = operation};

	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();
	if (!is_watched(task))
		return 0;
	if (bpf_get_prandom_u32() % ONE_IN == 0)
		sample_registry(task, wait_ns + hold_ns);
	if (bpf_probe_read_user_str(key.registry, sizeof(key.registry), name) < 0)
		key.registry[0] = '?';
	struct fanlight_registry_count *counts = bpf_map_lookup_elem(&registries, &key);
	if (!counts) {
		__u32 zero = 0;
		void *none = bpf_map_lookup_elem(&no_registry, &zero);
		if (none)
			bpf_map_update_elem(&registries, &key, none, BPF_NOEXIST);
		counts = bpf_map_lookup_elem(&registries, &key);
		if (!counts) {
			__sync_fetch_and_add(&misses.registry_table_full, 1);
			return 0;
		}
	}
	__sync_fetch_and_add(&counts->count, 1);
	__sync_fetch_and_add(&counts->wait_ns, wait_ns);
	__sync_fetch_and_add(&counts->hold_ns, hold_ns);
	__u32 bucket = fanlight_capped_bucket(wait_ns);
	if (bucket < FANLIGHT_HISTOGRAM_BUCKETS)
		__sync_fetch_and_add(&counts->wait[bucket], 1);
	return 0;
}

/* Does nothing: that it is attached tells the target, by the probe's semaphore, that somebody listens to its events. */
SEC("usdt")
int BPF_USDT(fl_listen)
{
	return 0;
}
