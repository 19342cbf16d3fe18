/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Books one write to a socket, whatever hook saw it. In: the bytes taken or the errno. Out: counts of the thread, and a
 * sample for some. Its maps are defined in socket.bpf.c. */
#ifndef FANLIGHT_SOCKET_BPF_H
#define FANLIGHT_SOCKET_BPF_H

#include "bpf/emit.bpf.h"
#include "bpf/threads.bpf.h"

/* How often each errno came. User space takes out the rows of threads that have ended. */
struct socket_error_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct fanlight_socket_error);
	__type(value, __u64);
};
extern struct socket_error_map socket_errors SEC(".maps");
extern struct scratch_map socket_scratch SEC(".maps");
extern __u32 socket_one_in;

static __always_inline void count_socket_error(const struct fanlight_thread *totals, int number)
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

/* `skip`: frames of our own machinery on top of the kernel stack. */
static __always_inline void count_socket_write(void *ctx, struct thread *thread, int sent, __u64 skip)
{
	/* Only the thread itself adds here, so nothing is locked. */
	struct fanlight_thread *totals = &thread->totals;
	totals->socket_writes++;
	if (sent >= 0)
		totals->socket_bytes += sent;
	else if (sent == -EAGAIN)
		totals->socket_would_block++;
	else {
		totals->socket_errors++;
		count_socket_error(totals, -sent);
	}

	__u32 one_in = *(volatile __u32 *)&socket_one_in;
	if (roll(thread) & (one_in - 1))
		return;
	struct sample_room *room = room_in(&socket_scratch);
	if (!room)
		return;
	struct fanlight_sample *sample = &room->sample;
	sample->time_ns = bpf_ktime_get_ns();
	sample->weight = sent > 0 ? (__u64)sent * one_in : 0;
	sample->count = one_in;
	sample->tid = totals->tid;
	sample->pid = thread->totals.pid;
	sample->reason = FANLIGHT_RUNNING;
	take_stacks(ctx, room, FANLIGHT_SOURCE_SOCKET, skip);
	emit_sample(FANLIGHT_SOURCE_SOCKET, sample);
}

#endif
