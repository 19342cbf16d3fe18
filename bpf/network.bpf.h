/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Which TCP sockets are the target's, and what is counted of them. In: a socket. Out: its record, kept by the kernel with
 * the socket itself; null for those of others. Maps are defined in network.bpf.c. */
#ifndef FANLIGHT_NETWORK_BPF_H
#define FANLIGHT_NETWORK_BPF_H

#include "bpf/target.bpf.h"

#include "bpf/events.h"

struct connection {
	__u64 syn_ns;    /* when the target's connect sent its SYN; 0: it is not connecting */
	__u64 marked_ns; /* when the write ended that is waited for; 0: none is */
	__u32 mark;      /* sequence number after the last byte of that write */
	__u32 window;    /* in which it was marked */
};

struct connection_map {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct connection);
};
extern struct connection_map connections SEC(".maps");
extern struct fanlight_network network;

static __always_inline struct connection *connection_of(const struct sock *sock)
{
	return bpf_sk_storage_get(&connections, (struct sock *)sock, 0, 0);
}

static __always_inline struct connection *make_connection(const struct sock *sock)
{
	return bpf_sk_storage_get(&connections, (struct sock *)sock, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

static __always_inline void count_network(__u64 *counter)
{
	__sync_fetch_and_add(counter, 1);
}

static __always_inline void add_duration(__u32 *histogram, __u64 duration_ns)
{
	__u32 bucket = fanlight_capped_bucket(duration_ns);

	if (bucket < FANLIGHT_HISTOGRAM_BUCKETS)
		__sync_fetch_and_add(&histogram[bucket], 1);
}

#endif
