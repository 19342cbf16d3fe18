// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* Writes to sockets by the target, by whatever call: exact counts per thread, a stack for some. */
#include "bpf/emit.bpf.h"
#include "bpf/threads.bpf.h"

#define OWN_FRAMES 3 /* this program, what ran it, and call_trace_sock_send_length, which calls the tracepoint */

struct scratch_map socket_scratch SEC(".maps");

/* One write in so many is sampled, a power of two; user space sets it by their number, so that a stack, which costs as
 * much as a hundred counts, is taken a few hundred times a second and no more. */
__u32 socket_one_in = 64;

/* How often each errno came. User space takes out the rows of threads that have ended. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct fanlight_socket_error);
	__type(value, __u64);
} socket_errors SEC(".maps");

struct sock;

static __always_inline void count_error(const struct fanlight_thread *totals, int number)
{
	struct fanlight_socket_error key = {
		.from_ns = totals->from_ns ?: window_start_ns, .tid = totals->tid, .number = number};
	__u64 *count = bpf_map_lookup_elem(&socket_errors, &key);
	__u64 one = 1;

	/* The tid is in the key: nobody else counts here. */
	if (count)
		(*count)++;
	else if (bpf_map_update_elem(&socket_errors, &key, &one, BPF_NOEXIST))
		__sync_fetch_and_add(&misses.errno_table_full, 1);
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(fl_socket, struct sock *sock, int sent, int flags)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();
	struct thread *thread = thread_of(task);
	if (!thread)
		return 0;

	/* Only the thread itself adds here, so nothing is locked. */
	struct fanlight_thread *totals = &thread->totals;
	totals->socket_writes++;
	if (sent >= 0)
		totals->socket_bytes += sent;
	else if (sent == -EAGAIN)
		totals->socket_would_block++;
	else {
		totals->socket_errors++;
		count_error(totals, -sent);
	}

	__u32 one_in = *(volatile __u32 *)&socket_one_in;
	if (bpf_get_prandom_u32() & (one_in - 1))
		return 0;
	struct sample_room *room = room_in(&socket_scratch);
	if (!room)
		return 0;
	struct fanlight_sample *sample = &room->sample;
	sample->time_ns = bpf_ktime_get_ns();
	sample->weight = sent > 0 ? (__u64)sent * one_in : 0;
	sample->count = one_in;
	sample->tid = totals->tid;
	sample->reason = FANLIGHT_RUNNING;
	take_stacks(ctx, room, FANLIGHT_SOURCE_SOCKET, OWN_FRAMES);
	emit_sample(FANLIGHT_SOURCE_SOCKET, sample);
	return 0;
}
