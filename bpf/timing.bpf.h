/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* How long writes to TCP take: the call itself, and until the peer has acknowledged all of it. In: the end of a write. Out:
 * histograms of the target's network. While no window is open this is one test of a flag. */
#ifndef FANLIGHT_TIMING_BPF_H
#define FANLIGHT_TIMING_BPF_H

#include "bpf/network.bpf.h"
#include "bpf/threads.bpf.h"

extern __u32 timing; /* enum fanlight_timing; set by user space */
extern __u32 timing_window;

static __always_inline bool timing_is(__u32 what)
{
	return *(volatile __u32 *)&timing == what;
}

/* One write of a connection at a time is waited for. */
static __always_inline void mark_write(const struct sock *sock, __u64 began, __u64 now)
{
	struct connection *connection = connection_of(sock);

	if (!connection || (connection->marked_ns && connection->window == timing_window))
		return;
	const struct tcp_sock *tcp = bpf_skc_to_tcp_sock((struct sock *)sock);
	if (!tcp)
		return;
	count_network(&network.marked);
	connection->mark = tcp->write_seq;
	connection->window = timing_window;
	/* Over loopback the peer often answers within the call: then that is the time it took at most. */
	bool already = (__s32)(tcp->snd_una - connection->mark) >= 0;
	connection->marked_ns = already ? 0 : began;
	if (already)
		add_duration(network.acknowledged, now - began);
}

/* Where the beginning of the call was not seen, its end stands for it. */
static __always_inline void time_write(const struct sock *sock, struct thread *thread, int sent)
{
	__u64 now = bpf_ktime_get_ns();
	__u64 began = thread->call_ns && thread->call_ns < now ? thread->call_ns : now;

	if (began < now)
		add_duration(network.call, now - began);
	thread->call_ns = 0;
	if (sent > 0)
		mark_write(sock, began, now);
}

#endif
