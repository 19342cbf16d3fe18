// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* TCP of the target. What the kernel keeps of each connection is read by an iterator over the target's open files, so the
 * target pays nothing for it; connects, handshakes, resets and retransmits, which are rare, are counted as they happen.
 *
 * Whose a socket is: the target's when it was met among the target's open files, when the target itself changed its state,
 * or when it comes out of a port that the target listens at. The record in the socket says so from then on.
 */
#include "bpf/network.bpf.h"
#include "bpf/threads.bpf.h"

struct connection_map connections SEC(".maps");
struct fanlight_network network;

#define AF_INET 2
#define AF_INET6 10

/* include/net/tcp_states.h */
enum {
	ESTABLISHED = 1,
	SYN_SENT = 2,
	SYN_RECEIVED = 3,
	CLOSED = 7,
	LISTENING = 10
};

struct listener {
	const struct net *net;
	__u64 port;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct listener);
	__type(value, __u8);
} listeners SEC(".maps");

static __always_inline struct listener listener_of(const struct sock *sock)
{
	struct listener at = {.port = sock->__sk_common.skc_num};

	/* A kernel without network namespaces has no field for them. */
	if (bpf_core_field_exists(sock->__sk_common.skc_net.net))
		at.net = sock->__sk_common.skc_net.net;
	return at;
}

static __always_inline void note_listener(const struct sock *sock)
{
	struct listener at = listener_of(sock);
	__u8 one = 1;

	bpf_map_update_elem(&listeners, &at, &one, BPF_ANY);
}

static __always_inline bool of_a_listener(const struct sock *sock)
{
	struct listener at = listener_of(sock);
	return bpf_map_lookup_elem(&listeners, &at);
}

static __always_inline void read_sums(struct fanlight_connection *into, const struct tcp_sock *tcp)
{
	__u64 sums[3] = {tcp->chrono_stat[0], tcp->chrono_stat[1], tcp->chrono_stat[2]};
	__u32 running = BPF_CORE_READ_BITFIELD(tcp, chrono_type);

	/* The one that runs is not in its sum yet. */
	__u32 open = (__u32)bpf_jiffies64() - tcp->chrono_start;
	for (__u32 i = 0; i < 3; i++)
		if (running == i + 1)
			sums[i] += open;
	into->busy = sums[0] + sums[1] + sums[2];
	into->peer_limited = sums[1];
	into->buffer_limited = sums[2];
	into->bytes_sent = tcp->bytes_sent;
	into->bytes_acked = tcp->bytes_acked;
	into->bytes_received = tcp->bytes_received;
	into->retransmits = tcp->total_retrans;
}

static __always_inline void read_queues(struct fanlight_connection *into, const struct tcp_sock *tcp)
{
	__u32 written = tcp->write_seq, sent = tcp->snd_nxt, acked = tcp->snd_una;
	__u32 received = tcp->rcv_nxt, read = tcp->copied_seq;

	/* A socket that has sent its FIN counts it. Nothing is locked: a later number may have been read earlier. */
	into->queued = (__s32)(written - acked) > 0 ? written - acked : 0;
	into->unsent = (__s32)(written - sent) > 0 ? written - sent : 0;
	if (into->unsent > into->queued)
		into->unsent = into->queued;
	into->unread = (__s32)(received - read) > 0 ? received - read : 0;
	into->rtt_us = tcp->srtt_us >> 3;
	into->rtt_deviation_us = tcp->mdev_us >> 2;
	into->congestion_window = tcp->snd_cwnd;
}

static __always_inline void read_addresses(struct fanlight_connection *into, const struct sock *sock)
{
	into->family = sock->__sk_common.skc_family;
	into->local_port = sock->__sk_common.skc_num;
	into->peer_port = __builtin_bswap16(sock->__sk_common.skc_dport);
	if (into->family == AF_INET) {
		*(__u32 *)into->local = sock->__sk_common.skc_rcv_saddr;
		*(__u32 *)into->peer = sock->__sk_common.skc_daddr;
	} else {
		bpf_probe_read_kernel(into->local, sizeof(into->local), &sock->__sk_common.skc_v6_rcv_saddr);
		bpf_probe_read_kernel(into->peer, sizeof(into->peer), &sock->__sk_common.skc_v6_daddr);
	}
}

SEC("iter/task_file")
int fl_connections(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct task_struct *task = ctx->task;
	struct fanlight_connection connection = {};

	if (!task || !file || !is_watched(task))
		return 0;
	struct socket *socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	struct sock *sock = socket->sk;
	if (!sock)
		return 0;
	__u16 family = sock->__sk_common.skc_family;
	if (family != AF_INET && family != AF_INET6)
		return 0;
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sock);
	if (!tcp)
		return 0;
	__u8 state = sock->__sk_common.skc_state;
	if (state == LISTENING) {
		note_listener(sock);
		return 0;
	}
	if (state == CLOSED)
		return 0;
	make_connection(sock);
	connection.socket = (unsigned long)sock;
	connection.time_ns = bpf_ktime_get_ns();
	connection.state = state;
	connection.send_buffer = sock->sk_sndbuf;
	read_sums(&connection, tcp);
	read_queues(&connection, tcp);
	read_addresses(&connection, sock);
	bpf_seq_write(ctx->meta->seq, &connection, sizeof(connection));
	return 0;
}

static __always_inline bool by_the_target(void)
{
	return is_watched((struct task_struct *)bpf_get_current_task_btf());
}

static __always_inline void established(const struct sock *sock, struct connection *connection, int before)
{
	if (before == SYN_SENT) {
		count_network(&network.opened);
		if (connection->syn_ns)
			add_duration(network.connect, bpf_ktime_get_ns() - connection->syn_ns);
		connection->syn_ns = 0;
	} else if (before == SYN_RECEIVED) {
		const struct tcp_sock *tcp = bpf_skc_to_tcp_sock((struct sock *)sock);

		count_network(&network.accepted);
		/* The first estimate that the kernel makes is this handshake's. */
		if (tcp && tcp->srtt_us)
			add_duration(network.handshake, (__u64)(tcp->srtt_us >> 3) * 1000);
	}
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(fl_tcp_state, const struct sock *sock, const int before, const int after)
{
	struct connection *connection = connection_of(sock);

	if (after == LISTENING) {
		if (by_the_target())
			note_listener(sock);
		return 0;
	}
	if (before == LISTENING) {
		if (by_the_target()) {
			struct listener at = listener_of(sock);
			bpf_map_delete_elem(&listeners, &at);
		}
		return 0;
	}
	if (!connection) {
		bool ours = before == SYN_RECEIVED ? of_a_listener(sock) : by_the_target();
		if (!ours || after == CLOSED)
			return 0;
		connection = make_connection(sock);
		if (!connection)
			return 0;
	}
	switch (after) {
	case SYN_SENT:
		connection->syn_ns = bpf_ktime_get_ns();
		break;
	case ESTABLISHED:
		established(sock, connection, before);
		break;
	case CLOSED:
		count_network(before == SYN_SENT ? &network.refused : &network.closed);
		break;
	}
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(fl_tcp_retransmit, const struct sock *sock)
{
	if (!connection_of(sock))
		return 0;
	count_network(sock->__sk_common.skc_state == SYN_SENT ? &network.syn_retransmits : &network.retransmits);
	return 0;
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(fl_tcp_retransmit_synack, const struct sock *sock)
{
	if (of_a_listener(sock))
		count_network(&network.synack_retransmits);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(fl_tcp_reset_sent, const struct sock *sock)
{
	/* A reset may answer a packet that belongs to no socket. */
	if (sock && connection_of(sock))
		count_network(&network.resets_sent);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(fl_tcp_reset_received, struct sock *sock)
{
	if (connection_of(sock))
		count_network(&network.resets_received);
	return 0;
}
